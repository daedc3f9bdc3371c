"""Async invocations that go well: their life, their output, their place in the list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from local.bedrock_calls import (
    BUCKET,
    NOVA,
    NOVA_NEXT,
    OUTPUT,
    Desk,
    embed,
    open_desk,
    segmented,
    text_item,
)
from local.media_files import clip, picture, sound

from nova_mme_local.server import LocalAws


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """One local AWS for the tests of this file; they use different objects and do not empty it."""
    with LocalAws(job_seconds=0.05) as aws:
        yield open_desk(aws)


def test_a_job_from_start_to_output(desk: Desk) -> None:
    """Every field of the API is there, and the folder ends in the invocation id."""
    desk.upload("life.txt", "A short life.")
    arn = desk.start("life.txt", token="life")
    job = desk.wait(arn)
    invocation_id = arn.rsplit("/", 1)[-1]
    assert re.fullmatch(r"arn:aws:bedrock:us-east-1:123456789012:async-invoke/[a-z0-9]{12}", arn)
    assert job["status"] == "Completed"
    assert job["modelArn"] == f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}"
    assert job["clientRequestToken"] == "life"
    assert job["outputDataConfig"] == {"s3OutputDataConfig": {"s3Uri": f"{OUTPUT}/{invocation_id}"}}
    assert job["submitTime"] < job["endTime"] == job["lastModifiedTime"]
    assert "failureMessage" not in job


def test_the_output_is_there_before_the_status_says_so(desk: Desk) -> None:
    """Whoever sees Completed can read every file at once: ten jobs in a row, no file missing."""
    desk.upload("prompt.txt", "Quick as a flash.")
    for _ in range(10):
        job = desk.wait(desk.start("prompt.txt"))
        folder = job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"]
        assert len(desk.lines(job)) == 1
        assert b"localStandIn" in desk.read(f"{folder}/manifest.json")


def test_text_output(desk: Desk) -> None:
    """Lines of a text carry character positions that slice it, and truncatedCharLength 0."""
    text = "A sentence that is repeated, with a number: " * 50
    job = desk.run("positions.txt", text, segmentationConfig={"maxLengthChars": 800})
    lines = desk.lines(job)
    summary = desk.summary(job)
    folder = job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"]
    places = [line["segmentMetadata"] for line in lines]
    assert summary == {
        "sourceFileUri": f"s3://{BUCKET}/positions.txt",
        "embeddingDimension": 256,
        "embeddingResults": [
            {"embeddingType": "TEXT", "status": "SUCCESS", "outputFileUri": f"{folder}/embedding-text.jsonl"}
        ],
        "localStandIn": "local-features-1",
    }
    assert [place["segmentIndex"] for place in places] == [0, 1, 2]
    assert {place["truncatedCharLength"] for place in places} == {0}
    pieces = [text[place["segmentStartCharPosition"] : place["segmentEndCharPosition"]] for place in places]
    assert "".join(pieces) == text
    assert all(line["status"] == "SUCCESS" and len(line["embedding"]) == 256 for line in lines)
    same = embed(desk.bedrock, 256, text=text_item(pieces[1]))
    np.testing.assert_array_equal(lines[1]["embedding"], same)


def test_image_output(desk: Desk) -> None:
    """An image gives embedding-image.json with one line."""
    job = desk.run("photo.png", picture("disc"), dimension=3072, detailLevel="DOCUMENT_IMAGE")
    (line,) = desk.lines(job, "IMAGE")
    (result,) = desk.summary(job)["embeddingResults"]
    assert result["outputFileUri"].endswith("/embedding-image.json")
    assert line["segmentMetadata"] == {"segmentIndex": 0}
    assert np.linalg.norm(line["embedding"]) == pytest.approx(1, abs=1e-6)


def test_audio_output(desk: Desk) -> None:
    """A sound of 12 seconds in steps of five: three lines, the last one ends at 12."""
    job = desk.run("song.wav", sound("clicks", seconds=12))
    places = [line["segmentMetadata"] for line in desk.lines(job, "AUDIO")]
    assert [
        (one["segmentIndex"], one["segmentStartSeconds"], one["segmentEndSeconds"]) for one in places
    ] == [
        (0, 0, 5),
        (1, 5, 10),
        (2, 10, 12),
    ]


@pytest.mark.parametrize(
    ("mode", "files"),
    [
        ("AUDIO_VIDEO_COMBINED", {"AUDIO_VIDEO_COMBINED": "embedding-audio-video.jsonl"}),
        ("AUDIO_VIDEO_SEPARATE", {"VIDEO": "embedding-video.jsonl", "AUDIO": "embedding-audio.jsonl"}),
    ],
)
def test_video_output(desk: Desk, mode: str, files: dict[str, str]) -> None:
    """Combined gives one file, separate two with the same segments."""
    film = clip(["disc", "sky"], sounds=["tone", "noise"])
    job = desk.run(f"{mode}.mp4", film, embeddingMode=mode, segmentationConfig={"durationSeconds": 2})
    results = {one["embeddingType"]: one for one in desk.summary(job)["embeddingResults"]}
    assert {kind: one["outputFileUri"].rsplit("/", 1)[-1] for kind, one in results.items()} == files
    for kind in files:
        places = [line["segmentMetadata"] for line in desk.lines(job, kind)]
        assert [(one["segmentIndex"], one["segmentStartSeconds"]) for one in places] == [(0, 0), (1, 2)]
        assert places[1]["segmentEndSeconds"] == pytest.approx(4, abs=0.1)


def test_a_silent_video_has_no_audio_file(desk: Desk) -> None:
    """Separate, without sound: VIDEO is the only result, and a success."""
    job = desk.run("silent.mp4", clip(["disc"]), embeddingMode="AUDIO_VIDEO_SEPARATE")
    assert [(one["embeddingType"], one["status"]) for one in desk.summary(job)["embeddingResults"]] == [
        ("VIDEO", "SUCCESS")
    ]


def test_jobs_and_calls_share_a_space(desk: Desk) -> None:
    """A picture embedded by a call finds the segment of a film that shows it; the other model's job does not match."""
    film = clip(["stripes", "sky"])
    scenes = {"segmentationConfig": {"durationSeconds": 2}}
    lines = desk.lines(desk.run("film.mp4", film, **scenes))
    other = desk.lines(desk.run("film.mp4", film, model=NOVA_NEXT, **scenes))
    desk.upload("0002.png", picture("sky"))
    query = embed(
        desk.bedrock,
        256,
        image={"format": "png", "source": {"s3Location": {"uri": f"s3://{BUCKET}/0002.png"}}},
    )
    assert int(np.argmax([query @ np.array(line["embedding"]) for line in lines])) == 1
    assert query @ np.array(lines[1]["embedding"]) > 0.5
    assert abs(query @ np.array(other[1]["embedding"])) < 0.25


def test_the_second_model_names_itself(desk: Desk) -> None:
    """GetAsyncInvoke answers the ARN of the model that was asked."""
    job = desk.run("model.txt", "text", model=NOVA_NEXT)
    assert job["modelArn"].endswith(f"/{NOVA_NEXT}")


def test_the_output_may_go_to_the_root_of_a_bucket(desk: Desk) -> None:
    """s3://bucket and s3://bucket/ both put the folder at the top."""
    desk.s3.create_bucket(Bucket="out")
    desk.upload("root.txt", "text")
    for uri in ("s3://out", "s3://out/"):
        arn = desk.bedrock.start_async_invoke(
            modelId=NOVA,
            modelInput=segmented("root.txt"),
            outputDataConfig={"s3OutputDataConfig": {"s3Uri": uri}},
        )["invocationArn"]
        job = desk.wait(arn)
        assert job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"] == f"s3://out/{arn.rsplit('/', 1)[-1]}"
        assert len(desk.lines(job)) == 1


class TestTokens:
    """clientRequestToken: one token, one job."""

    def test_the_same_request_finds_the_same_job(self, desk: Desk) -> None:
        """A repeated call answers the first ARN, while the job runs and after it."""
        desk.upload("twice.txt", "text")
        first = desk.start("twice.txt", token="twice")
        second = desk.start("twice.txt", token="twice")
        desk.wait(first)
        assert first == second == desk.start("twice.txt", token="twice")

    def test_another_request_is_a_conflict(self, desk: Desk) -> None:
        """The same token with any other parameter is refused: ConflictException, HTTP 400."""
        desk.upload("one.txt", "text")
        desk.start("one.txt", token="conflict")
        for change in ({"dimension": 1024}, {"model": NOVA_NEXT}, {"truncationMode": "START"}):
            with pytest.raises(desk.bedrock.exceptions.ConflictException) as caught:
                desk.start("one.txt", token="conflict", **change)
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400

    def test_no_token_no_memory(self, desk: Desk) -> None:
        """boto3 makes up a new token for each call, so two calls are two jobs."""
        desk.upload("new.txt", "text")
        assert desk.start("new.txt") != desk.start("new.txt")


@pytest.fixture(scope="module")
def arns(desk: Desk) -> list[str]:
    """Seven jobs, the last one failed, in order of submission."""
    desk.upload("list.txt", "text")
    arns = [desk.start("list.txt") for _ in range(6)] + [desk.start("not-there.txt")]
    for arn in arns:
        desk.wait(arn)
    return arns


class TestList:
    """ListAsyncInvokes."""

    def test_newest_first(self, desk: Desk, arns: list[str]) -> None:
        """Without parameters, the newest job comes first; ascending turns it round."""
        newest = desk.bedrock.list_async_invokes(maxResults=7)["asyncInvokeSummaries"]
        assert [one["invocationArn"] for one in newest] == arns[::-1]
        since = newest[-1]["submitTime"] - timedelta(milliseconds=1)
        oldest = desk.bedrock.list_async_invokes(
            sortBy="SubmissionTime", sortOrder="Ascending", submitTimeAfter=since
        )
        assert [one["invocationArn"] for one in oldest["asyncInvokeSummaries"]] == arns

    def test_pages_are_stable_while_jobs_arrive(self, desk: Desk, arns: list[str]) -> None:
        """A job that starts between two pages neither hides nor repeats another."""
        newest = desk.bedrock.list_async_invokes(maxResults=1)["asyncInvokeSummaries"]
        first = desk.bedrock.list_async_invokes(maxResults=4)
        desk.wait(desk.start("list.txt"))
        second = desk.bedrock.list_async_invokes(maxResults=3, nextToken=first["nextToken"])
        found = [one["invocationArn"] for page in (first, second) for one in page["asyncInvokeSummaries"]]
        assert newest[0]["invocationArn"] == arns[-1]
        assert found == arns[::-1]
        pages = desk.bedrock.get_paginator("list_async_invokes").paginate(PaginationConfig={"PageSize": 5})
        every = [one["invocationArn"] for page in pages for one in page["asyncInvokeSummaries"]]
        assert len(every) == len(set(every)) > 7
        assert set(arns) < set(every)

    def test_filters(self, desk: Desk, arns: list[str]) -> None:
        """Status and times narrow the list down."""
        failed = desk.bedrock.list_async_invokes(statusEquals="Failed")["asyncInvokeSummaries"]
        assert [one["invocationArn"] for one in failed] == [arns[-1]]
        assert "not-there.txt" in failed[0]["failureMessage"]
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        for times in ({"submitTimeAfter": tomorrow}, {"submitTimeBefore": tomorrow - timedelta(days=2)}):
            assert desk.bedrock.list_async_invokes(**times)["asyncInvokeSummaries"] == []

    def test_another_region_has_other_jobs(self, desk: Desk, arns: list[str]) -> None:
        """Jobs are seen in their own region only, by list and by ARN."""
        elsewhere = desk.connect("bedrock-runtime", region="us-west-2")
        assert elsewhere.list_async_invokes()["asyncInvokeSummaries"] == []
        with pytest.raises(elsewhere.exceptions.ValidationException, match="does not exist in us-west-2"):
            elsewhere.get_async_invoke(invocationArn=arns[0])

    @pytest.mark.parametrize(
        "params", [{"maxResults": 1001}, {"nextToken": "bm9uc2Vuc2U="}, {"nextToken": "a"}]
    )
    def test_parameters_that_are_refused(self, desk: Desk, params: dict[str, object]) -> None:
        """Out of range, or a token that was never given."""
        with pytest.raises(desk.bedrock.exceptions.ValidationException):
            desk.bedrock.list_async_invokes(**params)
