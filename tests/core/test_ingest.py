"""Storing: from finished jobs to the same segments in four indexes, and a ledger that says so."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from core.builders import ACCOUNT, make_line, make_run, make_settings
from core.deployment import Deployment, texts
from core.media import make_clip, make_image, make_sound

from nova_mme.errors import Reason
from nova_mme.matryoshka import truncate
from nova_mme.modality import Modality
from nova_mme.outcome import Outcome
from nova_mme.row import Status
from nova_mme.run import Run
from nova_mme.source import Source
from nova_mme.space import DIMENSIONS

# About 2,000 characters: three segments of 800.
_LONG = " ".join(f"Sentence {number} tells of cats, of coffee and of rain." for number in range(40)).encode()


def _lines(deployment: Deployment, source: Source) -> list[dict[str, Any]]:
    (key,) = (
        key for key in deployment.output_files() if source.object_id in key and key.endswith("text.jsonl")
    )
    body = deployment.s3.get_object(Bucket="output", Key=key)["Body"].read()
    return [orjson.loads(line) for line in body.splitlines()]


def _embed_one(deployment: Deployment, run: Run) -> Outcome:
    (outcome,) = deployment.embed(run)
    return outcome


def test_the_indexes_hold_the_jobs_vectors_truncated(deployment: Deployment) -> None:
    """Bit by bit: float32 of the renormalised float64 prefix, under the same keys in all four."""
    source = deployment.upload("long.txt", _LONG)

    outcome = _embed_one(deployment, make_run(segment_characters=800))

    lines = _lines(deployment, source)
    keys = [f"{source.object_id}/TEXT/{number}" for number in range(len(lines))]
    assert len(keys) == 3
    assert deployment.all_keys() == set(keys)
    assert (outcome.status, outcome.segments, outcome.reason) == ("stored", {"TEXT": 3}, "")
    matrix = np.array([line["embedding"] for line in lines], np.float64)
    for dimension in DIMENSIONS:
        stored = [deployment.vector(dimension, key)["data"]["float32"] for key in keys]
        np.testing.assert_array_equal(np.array(stored, np.float32), truncate(matrix, dimension))


def test_metadata_tells_where_a_segment_came_from(deployment: Deployment) -> None:
    """The part of the text, its own words, the source, the recipe, and the index's dimension."""
    source = deployment.upload("folder/ünï ☕.txt", _LONG, ContentType="text/plain; charset=utf-8")
    run = make_run(segment_characters=800)
    deployment.embed(run)

    documents = [deployment.vector(384, f"{source.object_id}/TEXT/{n}")["metadata"] for n in range(3)]

    spans = [(item["segmentStartCharPosition"], item["segmentEndCharPosition"]) for item in documents]
    assert [item["text"] for item in documents] == [_LONG.decode()[start:end] for start, end in spans]
    assert [item["segmentIndex"] for item in documents] == [0, 1, 2]
    assert documents[0] == documents[0] | {
        "objectId": source.object_id,
        "modalityType": "text",
        "embeddingType": "TEXT",
        "fileType": "text",
        "contentType": "text/plain; charset=utf-8",
        "fileSize": len(_LONG),
        "uploadTimestamp": source.modified,
        "embeddingDimension": 384,
        "space": deployment.settings.space.name,
        "recipe": run.recipe.fingerprint,
        "sourceS3Uri": "s3://media/folder/ünï ☕.txt",
        "fileName": "ünï ☕.txt",
        "etag": source.etag,
    }


@pytest.mark.parametrize(
    ("name", "body", "modality", "params", "segments"),
    [
        ("a.png", make_image("png"), Modality.IMAGE, {}, {"IMAGE": 1}),
        ("a.wav", make_sound("wav", 2.5), Modality.AUDIO, {"segment_seconds": 1}, {"AUDIO": 3}),
        ("a.mp4", make_clip("mp4", 2.4), Modality.VIDEO, {"segment_seconds": 1}, {"AUDIO_VIDEO_COMBINED": 3}),
        (
            "a.mp4",
            make_clip("mp4", 2.4),
            Modality.VIDEO,
            {"segment_seconds": 1, "embedding_mode": "AUDIO_VIDEO_SEPARATE"},
            {"AUDIO": 3, "VIDEO": 3},
        ),
    ],
    ids=["image", "audio", "combined", "separate"],
)
def test_every_modality_is_stored(
    deployment: Deployment,
    name: str,
    body: bytes,
    modality: Modality,
    params: dict[str, Any],
    segments: dict[str, int],
) -> None:
    """Each segment under its type and index: with AUDIO_VIDEO_SEPARATE every index comes twice."""
    source = deployment.upload(name, body)

    outcome = _embed_one(deployment, make_run(modality, **params))

    assert (outcome.status, outcome.segments) == ("stored", segments)
    keys = {f"{source.object_id}/{kind}/{n}" for kind, count in segments.items() for n in range(count)}
    assert deployment.all_keys() == keys
    assert deployment.row(source).segments == segments
    last = deployment.vector(1024, max(keys))["metadata"]
    if modality is not Modality.IMAGE:
        assert math.isclose(last["segmentStartSeconds"], 2.0, abs_tol=0.1)
        assert 2.0 < last["segmentEndSeconds"] < 3.0


def test_a_second_run_has_no_work(deployment: Deployment) -> None:
    """Nothing is due, nothing is called."""
    texts(deployment, 3)
    deployment.embed(make_run())

    plan = deployment.plan(make_run())

    assert (plan.works, plan.counts) == ([], {"unchanged": 3})


def test_storing_twice_stores_once(deployment: Deployment) -> None:
    """A cleared task tells the same again, from the ledger, and writes nothing; only how long the jobs took is
    not kept there."""
    texts(deployment, 2)
    shard = deployment.shard(make_run())
    deployment.wait(deployment.submit(shard))
    first = deployment.ingest(shard)
    puts = deployment.calls("s3vectors.PutVectors")

    assert deployment.ingest(shard) == [replace(outcome, job_seconds=0.0) for outcome in first]
    assert deployment.calls("s3vectors.PutVectors") == puts == len(DIMENSIONS)


def test_force_is_a_new_attempt(deployment: Deployment) -> None:
    """It is paid for again, and replaces the vectors under the same keys."""
    (source,) = texts(deployment, 1)
    first = _embed_one(deployment, make_run())
    keys = deployment.all_keys()

    second = _embed_one(deployment, make_run(force=True))

    assert first.invocation_arn != second.invocation_arn
    assert (deployment.jobs_started(), deployment.row(source).attempt) == (2, 2)
    assert deployment.all_keys() == keys


def test_a_shorter_version_leaves_nothing_over(deployment: Deployment) -> None:
    """The segments that the new version has no more are gone from all four indexes."""
    deployment.upload("a.txt", _LONG)
    run = make_run(segment_characters=800)
    deployment.embed(run)
    source = deployment.upload("a.txt", _LONG[:900])

    assert [work.why for work in deployment.plan(run).works] == ["changed"]
    outcome = _embed_one(deployment, run)

    assert outcome.segments == {"TEXT": 2}
    assert deployment.all_keys() == {f"{source.object_id}/TEXT/{number}" for number in range(2)}
    assert deployment.vector(3072, f"{source.object_id}/TEXT/0")["metadata"]["etag"] == source.etag


def test_another_recipe_leaves_nothing_over(deployment: Deployment) -> None:
    """From separate to combined: the old embedding types are gone."""
    source = deployment.upload("a.mp4", make_clip("mp4", 2.4))
    deployment.embed(make_run(Modality.VIDEO, segment_seconds=1, embedding_mode="AUDIO_VIDEO_SEPARATE"))
    combined = make_run(Modality.VIDEO, segment_seconds=1)
    assert [work.why for work in deployment.plan(combined).works] == ["stale_recipe"]

    deployment.embed(combined)

    assert deployment.all_keys() == {
        f"{source.object_id}/AUDIO_VIDEO_COMBINED/{number}" for number in range(3)
    }


def test_many_segments_are_stored_in_blocks(deployment: Deployment) -> None:
    """Each of them, in every index, in calls of at most 250."""
    source = deployment.upload("a.txt", b"A short text.")
    shard = deployment.shard(make_run())
    deployment.wait(deployment.submit(shard))
    (key,) = (key for key in deployment.output_files() if key.endswith("text.jsonl"))
    body = b"".join(make_line(number, [1 + number] + [1] * 3071) for number in range(260))
    deployment.s3.put_object(Bucket="output", Key=key, Body=body)

    (outcome,) = deployment.ingest(shard)

    assert outcome.segments == {"TEXT": 260}
    assert deployment.all_keys() == {f"{source.object_id}/TEXT/{number}" for number in range(260)}
    assert deployment.calls("s3vectors.PutVectors") == 2 * len(DIMENSIONS)


def test_a_job_in_progress_is_left_for_later(deployment: Deployment) -> None:
    """Its row stays as it is; the next run adopts it, and it is not paid for twice."""
    deployment.put_faults({"job": ".*", "delay_seconds": 0.5})
    (source,) = texts(deployment, 1)
    shard = deployment.shard(make_run())
    arns = deployment.submit(shard)

    (early,) = deployment.ingest(shard)

    assert (early.status, early.reason) == ("failed", Reason.NOT_FINISHED)
    assert deployment.row(source).status is Status.SUBMITTED
    deployment.wait(arns)
    assert _embed_one(deployment, make_run()).status == "stored"
    assert deployment.jobs_started() == 1


def test_a_newer_version_supersedes(deployment: Deployment) -> None:
    """The older run stores nothing, and says so; the newer run does."""
    deployment.upload("a.txt", b"version one")
    older = deployment.shard(make_run())
    deployment.wait(deployment.submit(older))
    newer = deployment.upload("a.txt", b"version two")
    shard = deployment.shard(make_run())
    deployment.wait(deployment.submit(shard))

    (outcome,) = deployment.ingest(older)

    assert (outcome.status, deployment.all_keys()) == ("superseded", set())
    assert [outcome.status for outcome in deployment.ingest(shard)] == ["stored"]
    assert deployment.vector(256, f"{newer.object_id}/TEXT/0")["metadata"]["text"] == "version two"


def test_a_source_without_a_job_is_accounted_for(deployment: Deployment) -> None:
    """Submit never came so far: it is not lost, and the next run takes it up."""
    texts(deployment, 1)

    (outcome,) = deployment.ingest(deployment.shard(make_run()))

    assert (outcome.status, outcome.reason, outcome.invocation_arn) == ("failed", Reason.NOT_FINISHED, "")
    assert deployment.plan(make_run()).counts == {"new": 1}


@pytest.mark.parametrize("params", [{}, {"segment_characters": 800}], ids=["changed", "stale recipe"])
def test_an_older_row_does_not_make_a_source_superseded(
    deployment: Deployment, params: dict[str, int]
) -> None:
    """Its last version is stored, the job of this one was not started: that is a failure, not good news."""
    deployment.upload("a.txt", b"version one")
    deployment.embed(make_run())
    deployment.upload("a.txt", b"version one" if params else b"version two")
    shard = deployment.shard(make_run(**params))
    assert len(shard.works) == 1

    (outcome,) = deployment.ingest(shard)

    assert (outcome.status, outcome.reason) == ("failed", Reason.NOT_FINISHED)


def test_every_object_is_read_from_the_expected_owner(deployment: Deployment) -> None:
    """Summary, output files and the source's text."""
    owned = Deployment(deployment.aws, make_settings(bucket_owner=ACCOUNT))
    texts(owned, 1)
    shard = owned.shard(make_run())
    owned.wait(owned.submit(shard))
    with owned.record("s3") as sent:
        assert [outcome.status for outcome in owned.ingest(shard)] == ["stored"]

    assert [call.params.get("ExpectedBucketOwner") for call in sent] == [ACCOUNT] * 3
