"""Replaying outputs while a space lives on: nothing older outlives what is newer, and nothing removed comes back."""

from __future__ import annotations

import pytest
from core.builders import make_run
from core.deployment import Deployment, texts
from core.rebuilding import LONG, RUN, Happening, all_etags, embed_long, lose, rebuild, remove
from core.stocked import alter, compare

from nova_mme.row import Status
from nova_mme.space import DIMENSIONS

_SCANNED = Happening("dynamodb_client", "after-call.dynamodb.Scan")
_READ = Happening("s3", "after-call.s3.GetObject")
_BEFORE_PUT = Happening("s3vectors", "before-call.s3vectors.PutVectors")
_PUT = Happening("s3vectors", "after-call.s3vectors.PutVectors")
_LOOKED_UP = Happening("dynamodb_client", "after-call.dynamodb.BatchGetItem")
_MOMENTS = pytest.mark.parametrize(
    "moment",
    [_SCANNED, _READ, _BEFORE_PUT, _PUT, _LOOKED_UP],
    ids=["scanned", "read", "before put", "put", "looked up"],
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
        rebuild(deployment).from_outputs(DIMENSIONS)
    deployment.embed(RUN)

    (source,) = deployment.listing()
    row = deployment.row(source)
    assert (row.status, row.etag, all_etags(deployment)) == (Status.STORED, source.etag, {source.etag})
    assert len(deployment.all_keys()) == sum(row.segments.values())
    assert (compare(deployment).kinds, deployment.jobs_started()) == ({}, 2)


@_MOMENTS
def test_a_forced_attempt_meanwhile_is_stored(deployment: Deployment, moment: Happening) -> None:
    """The same version, embedded and paid for anew: its own run stores it over what was replayed."""
    source, other = embed_long(deployment), Deployment(deployment.aws)
    force = make_run(segment_characters=800, force=True)

    def start_again() -> None:
        other.wait(other.submit(other.shard(force)))

    with moment.bring(deployment, start_again):
        rebuild(deployment).from_outputs([256])

    row = deployment.row(source)
    assert (row.attempt, row.status) == (2, Status.SUBMITTED)
    assert [outcome.status for outcome in deployment.embed(RUN)] == ["stored"]
    assert deployment.jobs_started() == 2


@_MOMENTS
def test_a_removed_source_stays_removed(deployment: Deployment, moment: Happening) -> None:
    """Its vectors and its row went while its output was read and put."""
    source, other = embed_long(deployment), Deployment(deployment.aws)
    texts(deployment, 1)
    deployment.embed(RUN)

    with moment.bring(deployment, lambda: remove(other, source)):
        rebuild(deployment).from_outputs(DIMENSIONS)

    (left,) = deployment.listing()
    assert deployment.all_keys() == {f"{left.object_id}/TEXT/0"}
    assert compare(deployment).kinds == {}


def test_a_removal_that_has_begun_takes_nothing_away_unseen(deployment: Deployment) -> None:
    """The vectors were deleted, and put once more: the row is not removed as if they were gone."""
    source, other = embed_long(deployment), Deployment(deployment.aws)
    alter(deployment, source, updated=1_700_000_000)
    row = deployment.row(source)

    with _BEFORE_PUT.bring(deployment, lambda: other.store.delete(other.keys(3072))):
        rebuild(deployment).from_outputs(DIMENSIONS)

    assert not deployment.ledger.remove(row)
    deployment.ledger.reopen(row)  # as the reconciliation then does
    deployment.embed(RUN)
    assert len(deployment.all_keys()) == 3


def test_a_source_that_comes_back_while_its_vectors_go_is_stored_again(deployment: Deployment) -> None:
    """Removed before the put, embedded anew before what was put is deleted."""
    source, other = embed_long(deployment), Deployment(deployment.aws)

    def come_back() -> None:
        other.upload("a.txt", LONG)
        other.embed(RUN)

    with (
        _BEFORE_PUT.bring(deployment, lambda: remove(other, source)),
        Happening("s3vectors", "before-call.s3vectors.DeleteVectors").bring(deployment, come_back),
    ):
        rebuild(deployment).from_outputs([256])
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
        rebuild(deployment).from_outputs([256, 384])

    assert deployment.row(source).status is Status.SUBMITTED


def test_a_source_that_arrives_meanwhile_is_in_every_index(deployment: Deployment) -> None:
    """Embedded after the ledger was scanned: its own run puts it into the new index too."""
    embed_long(deployment)
    other = Deployment(deployment.aws)
    lose(deployment, 1024)

    def arrive() -> None:
        texts(other, 1)
        assert [outcome.status for outcome in other.embed(RUN)] == ["stored"]

    with _SCANNED.bring(deployment, arrive):
        rebuild(deployment).from_outputs([1024])

    assert len(deployment.all_keys()) == 4
