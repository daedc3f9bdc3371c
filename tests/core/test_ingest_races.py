"""Storing while something else happens: crashes between two steps, and runs that overlap."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from core.builders import make_run, make_summary
from core.deployment import Deployment

from nova_mme.row import Status
from nova_mme.shard import Shard
from nova_mme.source import Source
from nova_mme.space import DIMENSIONS

_LONG = " ".join(f"Sentence {number} tells of cats, of coffee and of rain." for number in range(40)).encode()
_RUN = make_run(segment_characters=800)
_NOTE_FAILS = {"operation": "dynamodb.UpdateItem", "code": "InternalServerError", "status": 500, "times": 1}


def _finish(deployment: Deployment) -> Shard:
    shard = deployment.shard(_RUN)
    deployment.wait(deployment.submit(shard))
    return shard


def _etags(deployment: Deployment, source: Source) -> set[str]:
    return {
        deployment.vector(dimension, key)["metadata"]["etag"]
        for dimension in DIMENSIONS
        for key in deployment.keys(dimension)
        if key.startswith(source.object_id)
    }


def test_a_crash_before_the_note_is_stored_again(deployment: Deployment) -> None:
    """The vectors are in, the ledger does not know: the next try puts the same ones and notes it."""
    source = deployment.upload("a.txt", _LONG)
    shard = _finish(deployment)
    deployment.put_faults(_NOTE_FAILS)
    deployment.ingest(shard)
    assert deployment.row(source).status is Status.SUBMITTED

    (outcome,) = deployment.ingest(shard)

    assert (outcome.status, len(deployment.all_keys())) == ("stored", 3)
    assert deployment.row(source).segments == {"TEXT": 3}


def _crash_before_note(deployment: Deployment, shard: Shard) -> None:
    deployment.put_faults(_NOTE_FAILS)
    deployment.ingest(shard)


def _crash_in_the_middle(deployment: Deployment, shard: Shard) -> None:
    deployment.put_faults(
        {
            "operation": "s3vectors.PutVectors",
            "index": "embeddings-3072d",
            "drop_connection": True,
            "times": 1,
        }
    )
    deployment.ingest(shard)


def _lose_the_second_file(deployment: Deployment, shard: Shard) -> None:
    """The summary names a second file, which is missing: the source fails after its first file was put."""
    job = deployment.row(shard.works[0].source).invocation_arn.rsplit("/", 1)[-1]
    (key,) = (
        key for key in deployment.output_files() if key.endswith(f"{job}/segmented-embedding-result.json")
    )
    summary = orjson.loads(deployment.s3.get_object(Bucket="output", Key=key)["Body"].read())
    lost = {"embeddingType": "AUDIO", "status": "SUCCESS", "outputFileUri": "s3://output/gone.jsonl"}
    body = make_summary(*summary["embeddingResults"], lost)
    deployment.s3.put_object(Bucket="output", Key=key, Body=body)
    deployment.ingest(shard)


@pytest.mark.parametrize("crash", [_crash_before_note, _crash_in_the_middle, _lose_the_second_file])
def test_what_a_broken_store_left_behind_is_deleted(
    deployment: Deployment, crash: Callable[[Deployment, Shard], None]
) -> None:
    """A long second version was put, wholly or in part, and never noted; then a short third one comes."""
    deployment.upload("a.txt", _LONG[:900])
    deployment.embed(_RUN)
    deployment.upload("a.txt", _LONG * 2)
    crash(deployment, _finish(deployment))
    third = deployment.upload("a.txt", b"A short third version.")

    deployment.embed(_RUN)

    assert deployment.row(third).status is Status.STORED
    assert deployment.all_keys() == {f"{third.object_id}/TEXT/0"}


def _during_the_first_put(deployment: Deployment, happen: Callable[[], None]) -> None:
    """Let something happen after the first PutVectors of this client."""

    first = threading.Lock()  # the four indexes are put at the same time

    def once(**_: Any) -> None:
        if first.acquire(blocking=False):
            happen()

    deployment.s3vectors.meta.events.register("after-call.s3vectors.PutVectors", once)


def test_an_older_store_does_not_hide_a_newer_job(deployment: Deployment) -> None:
    """While it puts, a newer run submits the next version: that one's row stays, and it is stored in its turn."""
    deployment.upload("a.txt", _LONG)
    older, other = _finish(deployment), Deployment(deployment.aws)
    newer: list[Shard] = []

    def submit_newer() -> None:
        other.upload("a.txt", b"version two")
        newer.append(_finish(other))

    _during_the_first_put(deployment, submit_newer)
    deployment.ingest(older)

    (outcome,) = other.ingest(newer[0])
    source = newer[0].works[0].source
    assert outcome.status == "stored"
    assert deployment.row(source).etag == source.etag
    assert (_etags(deployment, source), deployment.all_keys()) == (
        {source.etag},
        {f"{source.object_id}/TEXT/0"},
    )


def test_an_older_store_does_not_outlive_a_newer_one(deployment: Deployment) -> None:
    """While it puts, the next version is stored whole; after one more run no vector is of the older one."""
    deployment.upload("a.txt", _LONG)
    older, other = _finish(deployment), Deployment(deployment.aws)

    def embed_newer() -> None:
        other.upload("a.txt", b"version two")
        other.embed(_RUN)

    _during_the_first_put(deployment, embed_newer)
    deployment.ingest(older)
    deployment.embed(_RUN)

    (source,) = deployment.listing()
    assert _etags(deployment, source) == {source.etag}
    assert deployment.all_keys() == {f"{source.object_id}/TEXT/0"}


def test_an_older_store_between_a_newer_ones_puts_and_its_note(deployment: Deployment) -> None:
    """The newer one is not noted over the older one's vectors; its next try stores it over them."""
    deployment.upload("a.txt", _LONG)
    older, other = _finish(deployment), Deployment(deployment.aws)
    newest: list[Shard] = []

    def store_both() -> None:
        other.upload("a.txt", b"version two")
        newest.append(_finish(other))
        _during_the_first_put(other, lambda: finished.set() or store_older.wait(10))
        newer.start()
        assert finished.wait(10)

    outcomes: list[Any] = []
    finished, store_older = threading.Event(), threading.Event()
    newer = threading.Thread(target=lambda: outcomes.extend(other.ingest(newest[0])))
    _during_the_first_put(deployment, store_both)
    deployment.ingest(older)  # its last act is to have the newer one stored once more
    store_older.set()
    newer.join(10)

    assert [(outcome.status, outcome.reason) for outcome in outcomes] == [("failed", "not_finished")]
    (again,) = other.ingest(newest[0])
    source = newest[0].works[0].source
    assert (again.status, _etags(deployment, source)) == ("stored", {source.etag})
    assert deployment.jobs_started() == 2


def test_an_older_store_does_not_hide_a_newer_attempt(deployment: Deployment) -> None:
    """While it puts, another run stores the same job, and a forced one starts the next: that one is stored too."""
    deployment.upload("a.txt", _LONG)
    older, other = _finish(deployment), Deployment(deployment.aws)
    forced: list[Shard] = []

    def force() -> None:
        other.ingest(older)
        forced.append(other.shard(make_run(segment_characters=800, force=True)))
        other.wait(other.submit(forced[0]))

    _during_the_first_put(deployment, force)
    deployment.ingest(older)

    row = deployment.row(older.works[0].source)
    assert (row.attempt, row.status) == (2, Status.SUBMITTED)
    assert [outcome.status for outcome in other.ingest(forced[0])] == ["stored"]


def test_two_runs_over_one_source_store_it_once(deployment: Deployment) -> None:
    """Planned at the same moment, they share one job, and both tell that it is stored."""
    deployment.upload("a.txt", _LONG)
    one, other = deployment.shard(_RUN), deployment.shard(_RUN)

    arns = deployment.submit(one) + deployment.submit(other)
    deployment.wait(arns)

    assert [deployment.ingest(shard)[0].status for shard in (one, other)] == ["stored", "stored"]
    assert (len(set(arns)), deployment.jobs_started()) == (1, 1)


def test_content_that_comes_back_is_not_paid_for_again(deployment: Deployment) -> None:
    """Version one, two, and one again: the first job's output is still good."""
    for body in (b"version one", b"version two", b"version one"):
        source = deployment.upload("a.txt", body)
        deployment.embed(_RUN)

    assert deployment.jobs_started() == 2
    assert _etags(deployment, source) == {source.etag}


def test_a_ledger_that_cannot_be_read_stops_the_store(deployment: Deployment) -> None:
    """Without it nobody knows what is left over: the task fails, and is tried again."""
    deployment.upload("a.txt", _LONG)
    shard = _finish(deployment)
    deployment.put_faults(
        {"operation": "dynamodb.BatchGetItem", "code": "InternalServerError", "status": 500}
    )

    with pytest.raises(ClientError):
        deployment.ingest(shard)

    assert deployment.all_keys() == set()


def test_an_older_store_leaves_a_newer_jobs_vectors_alone(deployment: Deployment) -> None:
    """The older version is short: what lies beyond its end is the newer one's by now, and is not left over."""
    deployment.upload("a.txt", b"A short text.")
    older, other = _finish(deployment), Deployment(deployment.aws)
    newer: list[Shard] = []

    def put_newer() -> None:
        other.upload("a.txt", _LONG)
        newer.append(_finish(other))
        _crash_before_note_of_stored(other, newer[0])

    _during_the_first_put(deployment, put_newer)
    assert [outcome.status for outcome in deployment.ingest(older)] == ["superseded"]

    assert len(deployment.all_keys()) == 3


def _crash_before_note_of_stored(deployment: Deployment, shard: Shard) -> None:
    """Everything is put, and the task dies before it tells the ledger."""
    calls = 0

    def refuse(params: dict[str, Any], **_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:  # the first one notes how far the put will reach
            raise EndpointConnectionError(endpoint_url="ledger")

    events = deployment.dynamodb_client.meta.events
    events.register("before-call.dynamodb.UpdateItem", refuse)
    try:
        assert [outcome.status for outcome in deployment.ingest(shard)] == ["failed"]
    finally:
        events.unregister("before-call.dynamodb.UpdateItem", refuse)


def test_a_source_that_is_removed_meanwhile_leaves_nothing(deployment: Deployment) -> None:
    """Its object was deleted, and somebody has taken its row and vectors away while they were put."""
    source = deployment.upload("a.txt", _LONG)
    shard = _finish(deployment)
    key = {"object_id": source.object_id, "space": deployment.settings.space.name}

    _during_the_first_put(
        deployment, lambda: deployment.dynamodb_client.delete_item(TableName="ledger", Key=key)
    )
    (outcome,) = deployment.ingest(shard)

    assert (outcome.status, deployment.all_keys()) == ("superseded", set())
    assert deployment.ledger.rows([source]) == {}
