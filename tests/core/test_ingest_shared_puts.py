"""Storing several sources at once: their vectors share puts, their fates do not; and the bits are boto3's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from core.builders import make_line, make_run, make_vectors
from core.deployment import Deployment, texts
from core.media import make_image

from nova_mme.errors import Reason
from nova_mme.ingest import Ingest
from nova_mme.modality import Modality
from nova_mme.pace import OwnTimeline, Pacer
from nova_mme.row import Status
from nova_mme.shard import Shard
from nova_mme.space import DIMENSIONS
from nova_mme.vector_writer import BATCH_ROWS

_IMAGES = make_run(Modality.IMAGE)


def _finish(deployment: Deployment, **params: Any) -> Shard:
    shard = deployment.shard(make_run(**params))
    deployment.wait(deployment.submit(shard))
    return shard


def _replace_output(deployment: Deployment, name: str, *lines: bytes) -> str:
    (key,) = (key for key in deployment.output_files() if f"/{name}" in key and key.endswith("text.jsonl"))
    deployment.s3.put_object(Bucket="output", Key=key, Body=b"".join(lines))
    return key


def test_images_share_a_put(deployment: Deployment) -> None:
    """21 of them are 21 vectors in one put per index, not 84 puts of one: each would cost as much as 128 KB."""
    for number in range(21):
        deployment.upload(f"image-{number}.png", make_image("png"))

    outcomes = deployment.embed(_IMAGES)

    assert [outcome.status for outcome in outcomes] == ["stored"] * 21
    assert deployment.calls("s3vectors.PutVectors") == len(DIMENSIONS)
    assert len(deployment.all_keys()) == 21


def test_a_put_may_hold_the_end_of_one_source_and_the_beginning_of_the_next(deployment: Deployment) -> None:
    """Each is noted when the last of its own vectors is in, with its own counts."""
    texts(deployment, 3)
    shard = _finish(deployment)
    for number, count in enumerate((180, 180, 180)):
        _replace_output(deployment, f"text-{number}", *(make_line(index) for index in range(count)))

    outcomes = deployment.ingest(shard)

    assert [outcome.segments for outcome in outcomes] == [{"TEXT": 180}] * 3
    assert deployment.calls("s3vectors.PutVectors") == len(DIMENSIONS) * -(-540 // BATCH_ROWS)
    assert [deployment.row(work.source).counts for work in shard.works] == [{"TEXT": 180}] * 3
    assert len(deployment.all_keys()) == 540


def test_a_source_is_noted_before_the_next_ones_are_read(deployment: Deployment) -> None:
    """Should the task die in the middle, what was whole by then is not stored again."""
    texts(deployment, 3)
    shard = _finish(deployment)
    for number in range(3):
        _replace_output(deployment, f"text-{number}", *(make_line(index) for index in range(BATCH_ROWS)))
    # The third batch's puts fail: by then the first one's source has been noted.
    calls = {"puts": 0}

    def fail_late(**_: Any) -> None:
        calls["puts"] += 1
        if calls["puts"] > 2 * len(DIMENSIONS):
            raise KeyboardInterrupt

    events = deployment.s3vectors.meta.events
    events.register("before-call.s3vectors.PutVectors", fail_late)
    try:
        with pytest.raises(KeyboardInterrupt):
            deployment.ingest(shard)
    finally:
        events.unregister("before-call.s3vectors.PutVectors", fail_late)

    assert deployment.row(shard.works[0].source).status is Status.STORED
    assert [outcome.status for outcome in deployment.ingest(shard)] == ["stored"] * 3


def test_broken_neighbours_are_passed_over(deployment: Deployment) -> None:
    """A failed job, a lost output, and a broken line among good sources in one shard: each has its own fate."""
    deployment.put_faults({"job": "text-1", "status": "Failed", "message": "Broken."})
    texts(deployment, 5)
    shard = _finish(deployment)
    lost = _replace_output(deployment, "text-2", b"")
    deployment.s3.delete_object(Bucket="output", Key=lost)
    _replace_output(deployment, "text-3", make_line(0), b"{broken\n", make_line(2))

    outcomes = deployment.ingest(shard)

    assert [(outcome.status, outcome.reason) for outcome in outcomes] == [
        ("stored", ""),
        ("failed", Reason.JOB_FAILED),
        ("failed", Reason.NO_OUTPUT),
        ("partial", Reason.BAD_SEGMENT),
        ("stored", ""),
    ]
    assert deployment.calls("s3vectors.PutVectors") == len(DIMENSIONS)
    assert len(deployment.all_keys()) == 4


def test_the_indexes_hold_what_plain_boto3_would_have_stored(deployment: Deployment) -> None:
    """Python's json, its floats, a division by the norm, and lists: the service keeps the same 32 bits."""
    (source,) = texts(deployment, 1)
    shard = _finish(deployment)
    vectors = make_vectors(7, seed=3) * 1.7
    lines = [make_line(number, row.tolist()) for number, row in enumerate(vectors)]
    _replace_output(deployment, "text-0", *lines)
    deployment.ingest(shard)

    for dimension in DIMENSIONS:
        for number, line in enumerate(lines):
            head = np.array(json.loads(line)["embedding"][:dimension])
            plain = {"key": f"plain-{number}", "data": {"float32": (head / np.linalg.norm(head)).tolist()}}
            deployment.s3vectors.put_vectors(
                vectorBucketName="vectors", indexName=deployment.index(dimension), vectors=[plain]
            )
            stored, expected = (
                np.float32(deployment.vector(dimension, key)["data"]["float32"]).view(np.uint32)
                for key in (f"{source.object_id}/TEXT/{number}", f"plain-{number}")
            )
            np.testing.assert_array_equal(stored, expected)


def test_the_step_keeps_to_the_pace(deployment: Deployment) -> None:
    """What is put and what is deleted takes turns of one timeline."""
    deployment.upload("a.txt", b"A long text. " * 200)
    run = make_run(segment_characters=800)
    deployment.embed(run)
    left_over = len(deployment.all_keys()) - 1
    deployment.upload("a.txt", b"A short text.")
    shard = deployment.shard(run)
    deployment.wait(deployment.submit(shard))
    slept: list[float] = []
    pacer = Pacer(OwnTimeline(), rate=10, clock=lambda: 1.8e9, sleep=slept.append)

    store = replace(deployment.store, pacer=pacer)
    Ingest(shard, deployment.s3, deployment.bedrock, store, deployment.ledger).run()

    assert left_over > 1
    assert slept == [pytest.approx(0.1)]  # the one that was put; then the others are deleted
    pacer.take(1)
    assert slept[1] == pytest.approx(0.1 * (1 + left_over))


def test_how_long_the_jobs_took_is_told(deployment: Deployment) -> None:
    """As Bedrock says, for what they cost; a failed one took its time, too."""
    deployment.put_faults({"job": "text-0", "status": "Failed", "delay_seconds": 0.3})
    texts(deployment, 2)
    shard = _finish(deployment)

    outcomes = deployment.ingest(shard)

    for work, outcome in zip(shard.works, outcomes, strict=True):
        arn = deployment.row(work.source).invocation_arn
        job = deployment.bedrock.get_async_invoke(invocationArn=arn)
        seconds = (job["endTime"] - job["submitTime"]).total_seconds()
        assert outcome.job_seconds == pytest.approx(seconds, abs=0.001)
    assert outcomes[0].job_seconds >= 0.3
