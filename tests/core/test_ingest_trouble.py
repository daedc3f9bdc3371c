"""Storing when something is wrong: it stays the trouble of one source, and nothing is lost or paid for without a word."""

from __future__ import annotations

from typing import Any

import pytest
from core.builders import make_line, make_run, make_summary
from core.deployment import Deployment, texts
from core.media import make_clip

from nova_mme.errors import Reason
from nova_mme.modality import Modality
from nova_mme.row import Status
from nova_mme.shard import Shard

_LONG = " ".join(f"Sentence {number} tells of cats, of coffee and of rain." for number in range(40)).encode()
_SUMMARY = "segmented-embedding-result.json"


def _finish(deployment: Deployment, **params: Any) -> Shard:
    """Plan, submit and wait: what is left to do is to store."""
    shard = deployment.shard(make_run(**params))
    deployment.wait(deployment.submit(shard))
    return shard


def _replace_output(deployment: Deployment, name: str, ending: str, body: bytes | None) -> None:
    keys = [key for key in deployment.output_files() if f"/{name}" in key and key.endswith(ending)]
    assert keys
    for key in keys:
        if body is None:
            deployment.s3.delete_object(Bucket="output", Key=key)
        else:
            deployment.s3.put_object(Bucket="output", Key=key, Body=body)


def test_a_failed_job_is_a_dead_letter(deployment: Deployment) -> None:
    """With Bedrock's sentence; its neighbour is stored, and no later run pays for it again."""
    deployment.put_faults({"job": "text-0", "status": "Failed", "message": "The file is broken."})
    texts(deployment, 2)

    failed, stored = deployment.embed(make_run())

    assert (failed.status, failed.reason, failed.message) == (
        "failed",
        Reason.JOB_FAILED,
        "The file is broken.",
    )
    assert failed.invocation_arn
    assert stored.status == "stored"
    assert deployment.plan(make_run()).counts == {"dead_letter": 1, "unchanged": 1}


@pytest.mark.parametrize(
    "message", ["Internal server error", "Throttled, try again later", "Model timed out"]
)
def test_a_job_may_fail_for_no_fault_of_the_source(deployment: Deployment, message: str) -> None:
    """Bedrock's own sentence is all there is to tell by."""
    deployment.put_faults({"job": ".*", "status": "Failed", "message": message})
    texts(deployment, 1)

    (outcome,) = deployment.embed(make_run())

    assert (outcome.reason, outcome.message) == (Reason.TRANSIENT, message)


def test_a_passing_failure_is_retried_by_later_runs(deployment: Deployment) -> None:
    """As a new attempt each, three in all."""
    deployment.put_faults({"job": ".*", "status": "Failed", "message": "Internal server error"})
    (source,) = texts(deployment, 1)

    attempts = []
    for _ in range(3):
        deployment.embed(make_run())
        attempts.append(deployment.row(source).attempt)

    assert (attempts, deployment.jobs_started()) == ([1, 2, 3], 3)
    assert deployment.plan(make_run()).counts == {"dead_letter": 1}


@pytest.mark.parametrize("key", ["internal/capacity.txt", "my internal note.txt"])
def test_a_sources_name_does_not_make_its_failure_passing(deployment: Deployment, key: str) -> None:
    """Bedrock's sentences quote the URI: "internal" may stand in it, behind a blank too."""
    message = f"Unable to decode s3://media/{key}: bad data."
    deployment.put_faults({"job": ".*", "status": "Failed", "message": message})
    deployment.upload(key, b"A text.")

    (outcome,) = deployment.embed(make_run())

    assert (outcome.reason, outcome.message) == (Reason.JOB_FAILED, message)


def test_a_failed_segment_spoils_no_other(deployment: Deployment) -> None:
    """The rest is stored, the outcome is partial, and an older version's vector of that segment is gone."""
    source = deployment.upload("a.txt", _LONG)
    deployment.embed(make_run(segment_characters=800))
    source = deployment.upload("a.txt", _LONG[::-1])
    deployment.put_faults({"job": ".*", "failed_segments": [1]})

    (outcome,) = deployment.embed(make_run(segment_characters=800))

    assert (outcome.status, outcome.failed_segments, outcome.reason) == ("partial", 1, Reason.INVALID_CONTENT)
    assert "TEXT 1" in outcome.message
    assert deployment.all_keys() == {f"{source.object_id}/TEXT/{number}" for number in (0, 2)}
    assert (deployment.row(source).status, deployment.row(source).failed_segments) == (Status.PARTIAL, 1)


def test_a_passing_failure_of_a_segment_is_retried(deployment: Deployment) -> None:
    """The next run embeds the source anew, and then it is whole."""
    deployment.put_faults(
        {"job": ".*", "failed_segments": [1], "failure_reason": "RATE_LIMIT_EXCEEDED", "times": 1}
    )
    deployment.upload("a.txt", _LONG)

    statuses = [deployment.embed(make_run(segment_characters=800))[0].status for _ in range(2)]

    assert statuses == ["partial", "stored"]


def test_a_lasting_failure_does_not_hide_a_passing_one(deployment: Deployment) -> None:
    """One segment cannot be decoded, another was throttled: the throttled one is worth another try."""
    deployment.upload("a.txt", b"A short text.")
    shard = _finish(deployment)
    lines = (
        make_line(0),
        make_line(1, status="FAILURE", failureReason="INVALID_CONTENT"),
        make_line(2, status="FAILURE", failureReason="RATE_LIMIT_EXCEEDED"),
    )
    _replace_output(deployment, "a-txt", "text.jsonl", b"".join(lines))
    deployment.ingest(shard)

    assert deployment.plan(make_run()).counts == {"retried": 1}


def test_a_source_of_which_all_segments_failed_has_failed(deployment: Deployment) -> None:
    """With the reason of the segments."""
    deployment.put_faults({"job": ".*", "failed_segments": [0, 1, 2]})
    source = deployment.upload("a.txt", _LONG)

    (outcome,) = deployment.embed(make_run(segment_characters=800))

    assert (outcome.status, outcome.reason, deployment.all_keys()) == (
        "failed",
        Reason.INVALID_CONTENT,
        set(),
    )
    assert deployment.row(source).status is Status.FAILED


@pytest.mark.parametrize("ending", [_SUMMARY, "text.jsonl"])
def test_deleted_output_is_embedded_anew(deployment: Deployment, ending: str) -> None:
    """By the next run, as a second attempt."""
    (source,) = texts(deployment, 1)
    shard = _finish(deployment)
    _replace_output(deployment, "text-0", ending, None)

    (outcome,) = deployment.ingest(shard)

    assert (outcome.status, outcome.reason) == ("failed", Reason.NO_OUTPUT)
    assert [outcome.status for outcome in deployment.embed(make_run())] == ["stored"]
    assert deployment.row(source).attempt == 2


@pytest.mark.parametrize("status", ["FAILURE", "FAILED"])
def test_a_failed_type_without_its_file_costs_only_itself(deployment: Deployment, status: str) -> None:
    """Bedrock names a file that it did not write: the other type is stored, and Bedrock's reason is told."""
    source = deployment.upload("a.mp4", make_clip("mp4", 1.2))
    run = {"modality": Modality.VIDEO, "segment_seconds": 1, "embedding_mode": "AUDIO_VIDEO_SEPARATE"}
    shard = _finish(deployment, **run)
    keys = {
        kind: key
        for key in deployment.output_files()
        for kind in ("video", "audio")
        if key.endswith(f"-{kind}.jsonl")
    }
    results = (
        {"embeddingType": "VIDEO", "status": "SUCCESS", "outputFileUri": f"s3://output/{keys['video']}"},
        {
            "embeddingType": "AUDIO",
            "status": status,
            "failureReason": "INVALID_CONTENT",
            "outputFileUri": f"s3://output/{keys['audio']}",
        },
    )
    _replace_output(deployment, "a-mp4", _SUMMARY, make_summary(*results))
    _replace_output(deployment, "a-mp4", "audio.jsonl", None)

    (outcome,) = deployment.ingest(shard)

    assert (outcome.status, outcome.reason) == ("partial", Reason.INVALID_CONTENT)
    assert deployment.all_keys() == {f"{source.object_id}/VIDEO/{number}" for number in range(2)}


# Odd lines of every kind are test_invocation_lines's; here it is what they do to a whole shard.
_ODD = {
    "broken summary": (_SUMMARY, b'{"embeddingResults": ['),
    "no file named": (_SUMMARY, make_summary({"embeddingType": "TEXT", "status": "SUCCESS"})),
    "index is null": ("text.jsonl", make_line(segmentMetadata={"segmentIndex": None})),
    "vector that vanishes": ("text.jsonl", make_line(0, [1e-300] * 3072)),
    "index twice": ("text.jsonl", make_line(0) + make_line(0)),
}


@pytest.mark.parametrize(("ending", "body"), _ODD.values(), ids=_ODD.keys())
def test_odd_output_of_one_source_is_its_own_trouble(
    deployment: Deployment, ending: str, body: bytes
) -> None:
    """Its neighbour is stored, and it does not stay in flight for ever."""
    texts(deployment, 2)
    shard = _finish(deployment)
    _replace_output(deployment, "text-0", ending, body)

    odd, other = deployment.ingest(shard)

    assert other.status == "stored"
    assert odd.reason != Reason.NOT_FINISHED
    assert deployment.row(shard.works[0].source).status is not Status.SUBMITTED


def test_a_job_that_bedrock_forgot_is_found_by_its_folder(deployment: Deployment) -> None:
    """How long a job is remembered is not published; its output may outlive it."""
    texts(deployment, 1)
    shard = _finish(deployment)
    deployment.put_faults(
        {"operation": "bedrock-runtime.GetAsyncInvoke", "code": "ValidationException", "status": 400}
    )

    assert [outcome.status for outcome in deployment.ingest(shard)] == ["stored"]


_BUSY_STORE = [
    {
        "operation": "s3vectors.PutVectors",
        "index": "embeddings-1024d",
        "code": "TooManyRequestsException",
        "status": 429,
    },
    {"operation": "s3vectors.PutVectors", "code": "ServiceUnavailableException", "status": 503},
    {"operation": "s3vectors.PutVectors", "drop_connection": True},
    {"operation": "s3vectors.PutVectors", "drop_connection": True, "after": True},
]
_BUSY_SOURCE = [
    {"operation": "bedrock-runtime.GetAsyncInvoke", "code": "ThrottlingException", "status": 429},
    {"operation": "s3.GetObject", "code": "SlowDown", "status": 503},
    {"operation": "s3.GetObject", "drop_connection": True},
    {"operation": "dynamodb.UpdateItem", "code": "InternalServerError", "status": 500},
]


@pytest.mark.parametrize(
    ("fault", "stored"),
    [(fault, 0) for fault in _BUSY_STORE] + [(fault, 1) for fault in _BUSY_SOURCE],
    ids=lambda value: (
        f"{value['operation']} {value.get('code', 'dropped')}" if isinstance(value, dict) else ""
    ),
)
def test_what_may_pass_is_left_for_another_try(
    deployment: Deployment, fault: dict[str, Any], stored: int
) -> None:
    """A source's row stays, a put that failed is everybody's who was in it; the next try stores what is left, and
    nothing is paid for twice."""
    sources = texts(deployment, 2)
    shard = _finish(deployment)
    deployment.put_faults(fault)

    first = deployment.ingest(shard)

    assert [outcome.status for outcome in first].count("stored") == stored
    for source, outcome in zip(sources, first, strict=True):
        if outcome.status != "stored":
            assert outcome.reason == Reason.NOT_FINISHED
            assert deployment.row(source).status is Status.SUBMITTED
    assert [outcome.status for outcome in deployment.ingest(shard)] == ["stored"] * 2
    assert (len(deployment.all_keys()), deployment.jobs_started()) == (2, 2)


def test_text_of_another_version_is_not_shown(deployment: Deployment) -> None:
    """The object was changed after its job was done: the vectors are stored, without text."""
    source = deployment.upload("a.txt", b"version one")
    shard = _finish(deployment)
    deployment.upload("a.txt", b"version two")

    deployment.ingest(shard)

    assert "text" not in deployment.vector(256, f"{source.object_id}/TEXT/0")["metadata"]
