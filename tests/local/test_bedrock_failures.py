"""Async invocations that are refused, that fail, or that fail in part."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from local.bedrock_calls import BUCKET, NOVA, OUTPUT, TITAN, Desk, open_desk, segmented
from local.media_files import clip, encoded_sound, picture, play, sound

from nova_mme_local.server import LocalAws


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """One local AWS for the tests of this file; each sets the faults it needs."""
    with LocalAws(job_seconds=0) as aws:
        yield aws


@pytest.fixture(scope="module")
def desk(aws: LocalAws) -> Desk:
    """Its clients."""
    return open_desk(aws)


def inject(aws: LocalAws, *faults: dict[str, Any]) -> None:
    """Replace the faults in force."""
    request = urllib.request.Request(f"{aws.url}/_local/faults", json.dumps(faults).encode(), method="PUT")
    urllib.request.urlopen(request).close()


@pytest.mark.parametrize(
    ("key", "body", "message"),
    [
        ("missing.txt", None, "s3://media/missing.txt does not exist (NoSuchKey)"),
        ("empty.txt", b"", "s3://media/empty.txt is empty"),
        ("blank.txt", b" \n ", "The text is empty"),
        ("latin.txt", b"caf\xe9", "not UTF-8"),
        ("fake.png", b"GIF89a, or so it says", "could not be read as a png image"),
        ("other.jpg", picture("sky"), "could not be read as a jpeg image"),
        ("fake.mp3", b"\x00" * 5000, "could not be read as mp3"),
        ("void.wav", sound("tone", seconds=0), "audio stream of the wav file is empty"),
        ("fake.mp4", b"not a film", "could not be read as mp4"),
        ("blind.mp4", encoded_sound(play("tone"), "mp4", "aac"), "has no video stream"),
    ],
)
def test_sources_that_fail_the_job(desk: Desk, key: str, body: bytes | None, message: str) -> None:
    """The job is accepted and then Failed, with a failureMessage that says what is wrong; no file is written."""
    if body is not None:
        desk.upload(key, body)
    job = desk.wait(desk.start(key))
    prefix = job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"].removeprefix(f"s3://{BUCKET}/")
    assert job["status"] == "Failed"
    assert message in job["failureMessage"]
    assert desk.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["KeyCount"] == 0


def test_too_many_segments_fail_the_job(desk: Desk) -> None:
    """1,900 segments of text are the limit: a text that cannot fit is not embedded at all."""
    job = desk.run("endless.txt", "x" * (1900 * 800 + 1), segmentationConfig={"maxLengthChars": 800})
    assert job["status"] == "Failed"
    assert "1,520,000 characters" in job["failureMessage"]


def test_the_limit_of_segments_is_not_evaded_by_short_pieces(desk: Desk) -> None:
    """Long words that break early make more pieces than the length suggests; the 1,901st fails the job."""
    text = ("w" * 401 + " ") * 1901
    job = desk.run("ragged.txt", text, segmentationConfig={"maxLengthChars": 800})
    assert "more than 1,900 segments" in job["failureMessage"]


def test_the_bucket_of_another_account_fails_the_job(desk: Desk) -> None:
    """bucketOwner is compared with the account."""
    desk.upload("owned.txt", "text")
    for owner, status in (("123456789012", "Completed"), ("210987654321", "Failed")):
        location = {"uri": f"s3://{BUCKET}/owned.txt", "bucketOwner": owner}
        job = desk.wait(desk.start("owned.txt", source={"s3Location": location}))
        assert job["status"] == status
    assert "Access denied" in job["failureMessage"]
    assert "210987654321" in job["failureMessage"]


def test_an_output_bucket_that_vanishes_fails_the_job(aws: LocalAws, desk: Desk) -> None:
    """The bucket is there at the start and gone at the end: Failed, not lost."""
    desk.s3.create_bucket(Bucket="fleeting")
    desk.upload("slow.mp4", clip(["disc"] * 5))
    arn = start(desk, segmented("slow.mp4"), s3_uri="s3://fleeting/x")["invocationArn"]
    desk.s3.delete_bucket(Bucket="fleeting")
    job = desk.wait(arn)
    assert job["status"] == "Failed"
    assert job["failureMessage"].startswith("Unable to write to s3://fleeting/x/")


def start(desk: Desk, model_input: Any, *, model: str = NOVA, s3_uri: str = OUTPUT, **config: str) -> Any:
    """Call StartAsyncInvoke with whatever is given."""
    return desk.bedrock.start_async_invoke(
        modelId=model,
        modelInput=model_input,
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": s3_uri, **config}},
    )


class TestRefusedStarts:
    """StartAsyncInvoke refuses at once what no job could do."""

    @pytest.fixture(autouse=True)
    def _no_job_is_started(self, aws: LocalAws) -> Iterator[None]:
        before = aws.show_stats()["async_jobs"]["started"]
        yield
        assert aws.show_stats()["async_jobs"]["started"] == before

    def test_a_model_input_that_is_a_string(self, desk: Desk) -> None:
        """json.dumps(...), which boto3 sends without complaint, gets AWS's short answer."""
        with pytest.raises(
            desk.bedrock.exceptions.ValidationException, match="The provided request is not valid"
        ):
            start(desk, json.dumps(segmented("a.png")))

    @pytest.mark.parametrize("model_input", [["a list"], {"taskType": "SEGMENTED_EMBEDDING"}])
    def test_a_model_input_of_another_shape(self, desk: Desk, model_input: Any) -> None:
        """Lists and half a request are refused."""
        with pytest.raises(desk.bedrock.exceptions.ValidationException):
            start(desk, model_input)

    @pytest.mark.parametrize("s3_uri", ["s3://no-such-bucket/x", "s3://Bad_Name/x", "/x"])
    def test_an_output_that_cannot_be_written(self, desk: Desk, s3_uri: str) -> None:
        """A bucket that is not there, and what is no s3Uri."""
        with pytest.raises(desk.bedrock.exceptions.ValidationException):
            start(desk, segmented("a.png"), s3_uri=s3_uri)

    def test_an_output_bucket_of_another_account(self, desk: Desk) -> None:
        """bucketOwner of the output is compared as well."""
        with pytest.raises(desk.bedrock.exceptions.AccessDeniedException):
            start(desk, segmented("a.png"), bucketOwner="210987654321")

    @pytest.mark.parametrize(
        ("model", "message"),
        [(TITAN, "does not support asynchronous"), ("amazon.nova-reel-v1:0", "model identifier is invalid")],
    )
    def test_another_model(self, desk: Desk, model: str, message: str) -> None:
        """Titan embeds synchronously only; other models are not offered."""
        with pytest.raises(desk.bedrock.exceptions.ValidationException, match=message):
            start(desk, segmented("a.png"), model=model)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abcdefghij12",
        "arn:aws:bedrock:us-east-1:123456789012:async-invoke/SHORT",
        "nonsense",
    ],
)
def test_an_unknown_arn(desk: Desk, arn: str) -> None:
    """GetAsyncInvoke knows no ResourceNotFoundException: it is a ValidationException."""
    with pytest.raises(desk.bedrock.exceptions.ValidationException):
        desk.bedrock.get_async_invoke(invocationArn=arn)


class TestFaults:
    """Jobs that fail on request."""

    @pytest.fixture(autouse=True)
    def _no_faults_left(self, aws: LocalAws) -> Iterator[None]:
        yield
        inject(aws)

    def test_a_failed_job(self, aws: LocalAws, desk: Desk) -> None:
        """The fault hits the job whose source matches, once, with its message; the next one is well."""
        inject(aws, {"job": r"faulty\.txt$", "status": "Failed", "message": "Out of luck", "times": 1})
        jobs = [desk.run("sound.txt", "text"), desk.run("faulty.txt", "text"), desk.run("faulty.txt", "text")]
        assert [job["status"] for job in jobs] == ["Completed", "Failed", "Completed"]
        assert jobs[1]["failureMessage"] == "Out of luck"

    def test_failed_segments(self, aws: LocalAws, desk: Desk) -> None:
        """The job completes; the line of the segment says why it has no embedding; the result is partial."""
        fault = {"job": "song", "failed_segments": [1], "failure_reason": "INTERNAL_SERVER_EXCEPTION"}
        inject(aws, {**fault, "message": "Try again"})
        job = desk.run("song.wav", sound("tone", seconds=3), segmentationConfig={"durationSeconds": 1})
        (result,) = desk.summary(job)["embeddingResults"]
        lines = desk.lines(job)
        assert job["status"] == "Completed"
        assert result["status"] == "PARTIAL_SUCCESS"
        assert result["failureReason"] == "INTERNAL_SERVER_EXCEPTION"
        assert result["message"] == "1 of 3 segments failed"
        assert [line["status"] for line in lines] == ["SUCCESS", "FAILURE", "SUCCESS"]
        assert lines[1] == {
            "segmentMetadata": {"segmentIndex": 1, "segmentStartSeconds": 1, "segmentEndSeconds": 2},
            "status": "FAILURE",
            "failureReason": "INTERNAL_SERVER_EXCEPTION",
            "message": "Try again",
        }

    def test_both_halves_of_a_segment_fail(self, aws: LocalAws, desk: Desk) -> None:
        """Separate: a failed segment fails as VIDEO and as AUDIO."""
        inject(aws, {"job": "halves", "failed_segments": [0]})
        film = clip(["disc", "sky"], sounds=["tone", "noise"])
        mode = {"embeddingMode": "AUDIO_VIDEO_SEPARATE", "segmentationConfig": {"durationSeconds": 2}}
        job = desk.run("halves.mp4", film, **mode)
        for kind in ("VIDEO", "AUDIO"):
            assert [line["status"] for line in desk.lines(job, kind)] == ["FAILURE", "SUCCESS"]

    def test_all_segments_failed(self, aws: LocalAws, desk: Desk) -> None:
        """With nothing left, the result is a FAILURE, in a job that is Completed all the same."""
        inject(aws, {"job": "hopeless", "failed_segments": [0]})
        job = desk.run("hopeless.png", picture("disc"))
        (result,) = desk.summary(job)["embeddingResults"]
        (line,) = desk.lines(job)
        assert (job["status"], result["status"]) == ("Completed", "FAILURE")
        assert result["failureReason"] == line["failureReason"] == "INVALID_CONTENT"
        assert "embedding" not in line

    def test_a_delayed_job(self, aws: LocalAws, desk: Desk) -> None:
        """A delay keeps one job in progress and leaves others alone."""
        inject(aws, {"job": "late", "delay_seconds": 2})
        desk.upload("late.txt", "text")
        late = desk.start("late.txt")
        punctual = desk.run("punctual.txt", "text")
        job = desk.wait(late)
        assert job["status"] == punctual["status"] == "Completed"
        assert (job["endTime"] - job["submitTime"]).total_seconds() >= 2
        assert (punctual["endTime"] - punctual["submitTime"]).total_seconds() < 2

    def test_a_throttled_start_counts_as_no_job(self, aws: LocalAws, desk: Desk) -> None:
        """A call fault hits before the service: 429, and the same token starts the job afterwards."""
        inject(
            aws, {"operation": "bedrock-runtime.StartAsyncInvoke", "code": "ThrottlingException", "times": 1}
        )
        desk.upload("calm.txt", "text")
        with pytest.raises(desk.bedrock.exceptions.ThrottlingException):
            desk.start("calm.txt", token="calm")
        assert desk.wait(desk.start("calm.txt", token="calm"))["status"] == "Completed"


def test_a_segment_that_does_not_fit_is_a_failure_line(desk: Desk) -> None:
    """truncationMode NONE: the segment that is longer than the model reads fails alone."""
    text = "x" * 40_000 + " " + "a short end"
    job = desk.run("whole.txt", text, truncationMode="NONE", segmentationConfig={"maxLengthChars": 40_001})
    first, second = desk.lines(job)
    assert (first["status"], first["failureReason"]) == ("FAILURE", "INVALID_CONTENT")
    assert "truncationMode is NONE" in first["message"]
    assert second["status"] == "SUCCESS"


def test_truncation_is_told_on_the_line(desk: Desk) -> None:
    """truncationMode END: the line says after which character the segment was cut."""
    job = desk.run("cut.txt", "x" * 40_000, segmentationConfig={"maxLengthChars": 50_000})
    (line,) = desk.lines(job)
    assert line["segmentMetadata"]["truncatedCharLength"] == 8172 * 4
    assert line["segmentMetadata"]["segmentEndCharPosition"] == 40_000
