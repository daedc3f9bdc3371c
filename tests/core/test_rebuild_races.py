"""Rebuilding while a space lives on: nothing older outlives what is newer, and nothing removed comes back."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from core.deployment import Deployment, texts
from core.rebuilding import LONG, RUN, Happening, all_etags, embed_long, rebuild, remove
from core.stocked import after_call, compare, mend

from nova_mme.row import Status

_LISTED = Happening("s3vectors", "after-call.s3vectors.ListVectors")
_LOOKED_UP = Happening("dynamodb_client", "after-call.dynamodb.BatchGetItem")
_BEFORE_PUT = Happening("s3vectors", "before-call.s3vectors.PutVectors")
_PUT = Happening("s3vectors", "after-call.s3vectors.PutVectors")
_MOMENTS = pytest.mark.parametrize(
    "moment", [_LISTED, _LOOKED_UP, _BEFORE_PUT, _PUT], ids=["listed", "looked up", "before put", "put"]
)


@_MOMENTS
@pytest.mark.parametrize("body", [b"A short second version.", LONG * 2], ids=["shorter", "longer"])
def test_a_newer_version_stored_meanwhile_stays(
    deployment: Deployment, moment: Happening, body: bytes
) -> None:
    """Whenever it comes: after the next run it is everywhere, alone, and was paid for once."""
    embed_long(deployment)
    other = Deployment(deployment.aws)

    def embed_newer() -> None:
        other.upload("a.txt", body)
        assert [outcome.status for outcome in other.embed(RUN)] == ["stored"]

    with moment.bring(deployment, embed_newer):
        rebuild(deployment).from_vectors([256, 1024])
    deployment.embed(RUN)

    (source,) = deployment.listing()
    row = deployment.row(source)
    assert (row.status, row.etag, all_etags(deployment)) == (Status.STORED, source.etag, {source.etag})
    assert len(deployment.all_keys()) == sum(row.segments.values())
    assert (compare(deployment).kinds, deployment.jobs_started()) == ({}, 2)


@_MOMENTS
def test_a_newer_version_on_its_way_is_stored(deployment: Deployment, moment: Happening) -> None:
    """Its job was started meanwhile: it is stored over what was copied, by its own run."""
    embed_long(deployment)
    other = Deployment(deployment.aws)
    newer: list[Any] = []

    def submit_newer() -> None:
        other.upload("a.txt", b"A short second version.")
        newer.append(other.shard(RUN))
        other.wait(other.submit(newer[0]))

    with moment.bring(deployment, submit_newer):
        assert rebuild(deployment).from_vectors([256])["vectors_256"] == 3

    assert [outcome.status for outcome in other.ingest(newer[0])] == ["stored"]
    (source,) = deployment.listing()
    assert (all_etags(deployment), len(deployment.all_keys())) == ({source.etag}, 1)


def test_a_newer_version_that_is_being_put_is_stored_again(deployment: Deployment) -> None:
    """It is in the 256-d index and not in the 3072-d one when all of a rebuild takes place: it is not noted."""
    embed_long(deployment)
    other, small_is_in = Deployment(deployment.aws), threading.Event()
    source = other.upload("a.txt", LONG * 2)
    shard = other.shard(RUN)
    other.wait(other.submit(shard))

    def tell(**_: Any) -> None:
        if threading.current_thread().name.startswith("put-256d"):
            small_is_in.set()

    def hold_back(**_: Any) -> None:
        if threading.current_thread().name.startswith("put-3072d"):
            assert small_is_in.wait(10)
            rebuild(deployment).from_vectors([256])

    other.s3vectors.meta.events.register("after-call.s3vectors.PutVectors", tell)
    other.s3vectors.meta.events.register("before-call.s3vectors.PutVectors", hold_back)
    (outcome,) = other.ingest(shard)

    assert (outcome.status, outcome.reason) == ("failed", "not_finished")
    deployment.embed(RUN)
    assert (all_etags(deployment), compare(deployment).kinds) == ({source.etag}, {})


@_MOMENTS
def test_a_removed_source_stays_removed(deployment: Deployment, moment: Happening) -> None:
    """Its vectors and its row went while they were copied."""
    source, other = embed_long(deployment), Deployment(deployment.aws)
    texts(deployment, 1)
    deployment.embed(RUN)

    with moment.bring(deployment, lambda: remove(other, source)):
        rebuild(deployment).from_vectors([256, 384])

    (left,) = deployment.listing()
    assert deployment.all_keys() == {f"{left.object_id}/TEXT/0"}
    assert compare(deployment).kinds == {}


def test_a_removal_that_has_begun_is_no_reason_to_resurrect(deployment: Deployment) -> None:
    """The vectors are gone, the row is not yet: nothing is left behind, and the row can still be removed."""
    source, other = embed_long(deployment), Deployment(deployment.aws)
    row = deployment.row(source)

    with _BEFORE_PUT.bring(deployment, lambda: other.store.delete(other.keys(3072))):
        assert rebuild(deployment).from_vectors([256])["withdrawn"] == 3

    assert deployment.all_keys() == set()
    assert deployment.ledger.remove(row)


def test_a_rebuild_in_the_middle_of_a_removal(deployment: Deployment) -> None:
    """Of the four deletions one is done when all of a rebuild takes place."""
    embed_long(deployment)
    deployment.s3.delete_object(Bucket="media", Key="a.txt")
    assert compare(deployment).kinds == {"departed": 1}
    other = Deployment(deployment.aws)

    with after_call(
        deployment.s3vectors, "DeleteVectors", lambda: rebuild(other).from_vectors([256, 384, 1024])
    ):
        assert mend(deployment)["removed"] == 1

    assert deployment.all_keys() == set()


def test_a_source_that_comes_back_while_its_copies_go_is_stored_again(deployment: Deployment) -> None:
    """Removed before the put, embedded anew before the copies are deleted: its new vectors may be among them."""
    source, other = embed_long(deployment), Deployment(deployment.aws)

    def come_back() -> None:
        other.upload("a.txt", LONG)
        other.embed(RUN)

    with (
        _BEFORE_PUT.bring(deployment, lambda: remove(other, source)),
        Happening("s3vectors", "before-call.s3vectors.DeleteVectors").bring(deployment, come_back),
    ):
        rebuild(deployment).from_vectors([256])
    deployment.embed(RUN)

    assert (deployment.row(source).status, len(deployment.all_keys())) == (Status.STORED, 3)
    assert compare(deployment).kinds == {}


def test_what_was_put_before_it_broke_off_is_looked_at_again(deployment: Deployment) -> None:
    """A newer version was put over, and then the connection is lost: it is reopened all the same."""
    source, other = embed_long(deployment), Deployment(deployment.aws)
    lost = {"operation": "s3vectors.PutVectors", "drop_connection": True}

    def embed_newer() -> None:
        other.upload("a.txt", b"version two")
        other.embed(RUN)
        other.put_faults(lost)

    with _BEFORE_PUT.bring(deployment, embed_newer), pytest.raises(Exception, match="[Cc]onnection"):
        rebuild(deployment).from_vectors([256, 384])

    assert deployment.row(source).status is Status.SUBMITTED
