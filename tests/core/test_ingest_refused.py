"""Storing what S3 Vectors does not want: the one vector is named, everything else is stored, and it ends there."""

from __future__ import annotations

from typing import Any

import pytest
from core.builders import make_line, make_run, make_settings
from core.deployment import Deployment, texts

from nova_mme.errors import IndexMismatch, Reason
from nova_mme.row import Status
from nova_mme.shard import Shard

# A segment that says this of itself gets metadata that a filter cannot use, which the service refuses.
_ODD = {"segmentStartSeconds": {"at": 5}}


def _finish(deployment: Deployment, count: int) -> Shard:
    texts(deployment, count)
    shard = deployment.shard(make_run())
    deployment.wait(deployment.submit(shard))
    return shard


def _replace_output(deployment: Deployment, name: str, *lines: bytes) -> None:
    (key,) = (key for key in deployment.output_files() if f"/{name}" in key and key.endswith("text.jsonl"))
    deployment.s3.put_object(Bucket="output", Key=key, Body=b"".join(lines))


def _line(index: int, odd: bool) -> bytes:
    return make_line(index, segmentMetadata={"segmentIndex": index, **(_ODD if odd else {})})


def test_a_refused_segment_is_named(deployment: Deployment) -> None:
    """Its own source is partial, the sources in the same put are whole, and no index keeps a part of it."""
    shard = _finish(deployment, 3)
    _replace_output(deployment, "text-1", *(_line(index, index == 2) for index in range(4)))

    first, odd, last = deployment.ingest(shard)

    assert (first.status, last.status) == ("stored", "stored")
    assert (odd.status, odd.failed_segments, odd.reason) == ("partial", 1, Reason.VECTORS_REFUSED)
    assert "TEXT 2: " in odd.message
    assert "segmentStartSeconds" in odd.message
    name = shard.works[1].source.object_id
    kept = {key for key in deployment.all_keys() if key.startswith(name)}
    assert kept == {f"{name}/TEXT/{index}" for index in (0, 1, 3)}
    assert deployment.row(shard.works[1].source).counts == {"TEXT": 3}


def test_a_segment_that_one_index_refuses_is_in_none(deployment: Deployment) -> None:
    """A search at another dimension would find a segment that this one does not know."""
    shard = _finish(deployment, 1)
    deployment.put_faults(
        {
            "operation": "s3vectors.PutVectors",
            "index": "embeddings-1024d",
            "code": "ValidationException",
            "status": 400,
            "message": "Not this one.",
        }
    )

    (outcome,) = deployment.ingest(shard)

    assert (outcome.status, outcome.reason, outcome.message) == (
        "failed",
        Reason.VECTORS_REFUSED,
        "Not this one.",
    )
    assert deployment.all_keys() == set()


def test_a_refusal_is_a_dead_letter(deployment: Deployment) -> None:
    """The same bytes would be refused again: no later run pays for it, unless it is asked to retry what failed."""
    shard = _finish(deployment, 2)
    _replace_output(deployment, "text-0", _line(0, True))

    odd, other = deployment.ingest(shard)

    assert (odd.status, odd.reason, other.status) == ("failed", Reason.VECTORS_REFUSED, "stored")
    assert deployment.row(shard.works[0].source).status is Status.FAILED
    assert deployment.plan(make_run()).counts == {"dead_letter": 1, "unchanged": 1}
    assert [outcome.status for outcome in deployment.embed(make_run(retry_failed=True))] == ["stored"]


@pytest.mark.parametrize(
    "metadata",
    [{"segmentStartSeconds": "x" * 3000}, {"segmentEndCharPosition": ["y" * 100] * 30}],
    ids=["text", "list"],
)
def test_oversized_metadata_is_refused_before_it_is_sent(
    deployment: Deployment, metadata: dict[str, Any]
) -> None:
    """Over 2 KB of it filterable: named, with its size, and its neighbours are stored."""
    shard = _finish(deployment, 1)
    odd = make_line(1, segmentMetadata={"segmentIndex": 1, **metadata})
    _replace_output(deployment, "text-0", make_line(0), odd, make_line(2))

    (outcome,) = deployment.ingest(shard)

    assert (outcome.status, outcome.segments) == ("partial", {"TEXT": 2})
    assert (outcome.reason, outcome.failed_segments) == (Reason.VECTORS_REFUSED, 1)
    assert "filterable metadata takes 3," in outcome.message
    assert deployment.calls("s3vectors.PutVectors") == 4


@pytest.mark.parametrize(
    "fault",
    [
        {"operation": "s3vectors.PutVectors", "code": "AccessDeniedException", "status": 403},
        {"operation": "s3vectors.PutVectors", "code": "KmsDisabledException", "status": 400},
        {"operation": "s3vectors.PutVectors", "code": "NotFoundException", "status": 404},
    ],
    ids=lambda fault: fault["code"],
)
def test_what_the_deployment_lacks_is_no_sources_fault(deployment: Deployment, fault: dict[str, Any]) -> None:
    """No row is touched: once it is mended, the task stores what was paid for."""
    shard = _finish(deployment, 2)
    deployment.put_faults({**fault, "times": 99})

    outcomes = deployment.ingest(shard)

    assert [outcome.reason for outcome in outcomes] == [Reason.NOT_FINISHED] * 2
    assert all(fault["code"] in outcome.message for outcome in outcomes)
    assert {deployment.row(work.source).status for work in shard.works} == {Status.SUBMITTED}
    deployment.put_faults()
    assert [outcome.status for outcome in deployment.ingest(shard)] == ["stored"] * 2
    assert deployment.jobs_started() == 2


def test_an_index_of_another_shape_stops_the_task(deployment: Deployment) -> None:
    """Somebody has replaced it: the sources are good, and their rows stay."""
    shard = _finish(deployment, 2)
    place = {"vectorBucketName": "vectors", "indexName": "embeddings-256d"}
    deployment.s3vectors.delete_index(**place)
    deployment.s3vectors.create_index(**place, dataType="float32", dimension=128, distanceMetric="cosine")

    with pytest.raises(IndexMismatch, match="dimension 128, needed 256"):
        deployment.ingest(shard)

    assert {deployment.row(work.source).status for work in shard.works} == {Status.SUBMITTED}


def test_indexes_of_another_space_stop_the_task(deployment: Deployment) -> None:
    """Two deployments may have been given one vector bucket: nothing is put among the other model's vectors."""
    texts(deployment, 1)
    deployment.embed(make_run())
    before = deployment.all_keys()
    deployment.dynamodb.Table("ledger").delete()
    other = Deployment(deployment.aws, make_settings(model_revision="other"))
    other.ledger.ensure()
    shard = other.shard(make_run())
    other.wait(other.submit(shard))
    puts = deployment.calls("s3vectors.PutVectors")

    with pytest.raises(IndexMismatch, match="'nova-2-mme-v1-0-test', not of 'nova-2-mme-v1-0-other'"):
        other.ingest(shard)

    assert (deployment.all_keys(), deployment.calls("s3vectors.PutVectors")) == (before, puts)
    assert other.row(shard.works[0].source).status is Status.SUBMITTED
    with pytest.raises(IndexMismatch, match="holds vectors of the space"):
        other.store.ensure()
