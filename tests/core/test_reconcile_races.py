"""Findings are snapshots: what happens between and during comparing and mending decides, and so do broken tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from core.deployment import Deployment
from core.stocked import after_call, all_rows, alter, compare, keys_of, mend, put, start, stock, take

from nova_mme.reconcile.finding import Kind
from nova_mme.row import Status
from nova_mme.space import DIMENSIONS

_LATER = 2_000_000_000


def _delete(deployment: Deployment, *keys: str) -> None:
    for key in keys:
        deployment.s3.delete_object(Bucket="media", Key=key)


def test_an_object_uploaded_again_keeps_everything(deployment: Deployment) -> None:
    """It was gone when the bucket was listed, and is back before its vectors are deleted."""
    source = stock(deployment, "a.txt")
    _delete(deployment, "a.txt")
    compare(deployment)
    deployment.upload("a.txt", b"back again")

    assert mend(deployment) == {"removed": 0, "vectors_deleted": 0, "left_alone": 1}

    assert deployment.row(source).status is Status.STORED
    assert deployment.all_keys() == keys_of(source)


def test_a_source_embedded_anew_meanwhile_is_not_removed(deployment: Deployment) -> None:
    """Its object came back and went again, and a job of today is on its way."""
    source = stock(deployment, "a.txt")
    _delete(deployment, "a.txt")
    compare(deployment)
    start(deployment, source)

    assert mend(deployment)["left_alone"] == 1

    assert deployment.all_keys() == keys_of(source)


def test_a_row_that_changes_while_its_vectors_go_is_stored_again(deployment: Deployment) -> None:
    """The object is back and noted as stored between the two deletions: the row stays, and is reopened."""
    source = stock(deployment, "a.txt")
    _delete(deployment, "a.txt")
    compare(deployment)

    def come_back() -> None:
        alter(deployment, deployment.upload("a.txt", b"back"), etag="newer", updated=_LATER)

    with after_call(deployment.s3vectors, "DeleteVectors", come_back):
        done = mend(deployment)

    assert (done["removed"], done["left_alone"]) == (0, 1)
    row = deployment.row(source)
    assert (row.etag, row.status) == ("newer", Status.SUBMITTED)


def test_a_source_stored_after_the_comparison_is_no_orphan(deployment: Deployment) -> None:
    """Its vectors were put by hand once; now a row covers two of them, and only the third goes."""
    source = deployment.upload("a.txt", b"text")
    for dimension in DIMENSIONS:
        put(deployment, dimension, *keys_of(source))
    assert compare(deployment).kinds == {"orphan": 12}
    stock(deployment, "a.txt", {"TEXT": 2}, body=b"text")

    assert mend(deployment) == {"vectors_deleted": 4, "left_alone": 8}

    assert deployment.all_keys() == keys_of(source, 2)
    assert compare(deployment).kinds == {}


def test_a_row_that_appears_while_orphans_go_is_stored_again(deployment: Deployment) -> None:
    """Looked up before, covered after: what was just deleted may have been the new row's."""
    source = deployment.upload("a.txt", b"text")
    put(deployment, 256, *keys_of(source))
    compare(deployment)

    with after_call(deployment.s3vectors, "DeleteVectors", lambda: stock(deployment, "a.txt")):
        mend(deployment)

    assert deployment.row(source).status is Status.SUBMITTED


def test_a_source_stored_during_the_comparison_is_not_found(deployment: Deployment) -> None:
    """Its vectors are listed, its row came after the ledger was scanned: it is looked up before it is told."""
    old = stock(deployment, "old.txt")
    made: list[Any] = []

    with after_call(deployment.dynamodb_client, "Scan", lambda: made.append(stock(deployment, "new.txt"))):
        compared = compare(deployment)

    assert compared.kinds == {}
    assert compared.tally["vectors"] == 4 * len(keys_of(old) | keys_of(made[0]))


def test_a_source_that_arrives_during_the_comparison_has_not_departed(deployment: Deployment) -> None:
    """Its object was uploaded after the bucket was listed, its row was written before the ledger was scanned."""

    def arrive() -> None:
        alter(deployment, stock(deployment, "new.txt"), updated=_LATER)

    with after_call(deployment.s3, "ListObjectsV2", arrive):
        compared = compare(deployment)

    assert (compared.kinds, compared.tally["in_motion"]) == ({}, 1)


def test_a_row_that_changes_during_the_comparison_is_not_judged(deployment: Deployment) -> None:
    """A store under way has replaced some of the vectors: neither hole nor stale can be told of it."""
    source = stock(deployment, "a.txt")
    take(deployment, 384, f"{source.object_id}/TEXT/0")

    with after_call(deployment.dynamodb_client, "Scan", lambda: alter(deployment, source, updated=_LATER)):
        compared = compare(deployment)

    assert (compared.kinds, compared.tally["in_motion"]) == ({}, 1)


def _fill(deployment: Deployment, source: Any) -> None:
    put(deployment, 384, f"{source.object_id}/TEXT/0", etag=source.etag)


def _start_again(deployment: Deployment, source: Any) -> None:
    start(deployment, source)


def _forget(deployment: Deployment, source: Any) -> None:
    assert deployment.ledger.remove(deployment.row(source))


@pytest.mark.parametrize("happen", [_fill, _start_again, _forget])
def test_a_hole_that_is_none_any_more_is_left_alone(
    deployment: Deployment, happen: Callable[[Deployment, Any], None]
) -> None:
    """Filled, taken up by a run, or removed since it was found."""
    source = stock(deployment, "a.txt")
    take(deployment, 384, f"{source.object_id}/TEXT/0")
    assert compare(deployment).uris(Kind.HOLE) == [source.uri]
    happen(deployment, source)
    before = all_rows(deployment)

    assert mend(deployment) == {"reopened": 0, "left_alone": 1}

    assert all_rows(deployment) == before


def test_a_stale_vector_that_was_replaced_is_left_alone(deployment: Deployment) -> None:
    """Its own version was put over it since."""
    source = stock(deployment, "a.txt")
    put(deployment, 256, f"{source.object_id}/TEXT/0", etag="older")
    assert compare(deployment).uris(Kind.STALE) == [source.uri]
    put(deployment, 256, f"{source.object_id}/TEXT/0", etag=source.etag)

    assert mend(deployment) == {"reopened": 0, "left_alone": 1}


@pytest.mark.parametrize(
    "operation", ["s3vectors.DeleteVectors", "dynamodb.DeleteItem", "dynamodb.UpdateItem", "s3.HeadObject"]
)
@pytest.mark.parametrize("after", [False, True])
def test_mending_that_breaks_off_is_finished_by_the_next_try(
    deployment: Deployment, operation: str, after: bool
) -> None:
    """Whatever call fails, before or after it took effect: the same findings are gone through again."""
    sources = [stock(deployment, f"{name}.txt") for name in "abcd"]
    _delete(deployment, "a.txt", "b.txt")
    take(deployment, 1024, *keys_of(sources[2]))
    put(deployment, 3072, f"orphan-{'0' * 16}/TEXT/0")
    assert compare(deployment).kinds == {"departed": 2, "orphan": 1, "hole": 1}
    fault = {"operation": operation, "code": "InternalServerError", "status": 500, "times": 1}
    deployment.put_faults({**fault, "after": after})
    with pytest.raises(ClientError):
        mend(deployment)

    mend(deployment)

    assert all_rows(deployment).keys() == {sources[2].uri, sources[3].uri}
    assert deployment.row(sources[2]).status is Status.SUBMITTED
    kept = keys_of(sources[2]) | keys_of(sources[3])
    assert {dimension: deployment.keys(dimension) for dimension in DIMENSIONS} == {
        dimension: kept - (keys_of(sources[2]) if dimension == 1024 else set()) for dimension in DIMENSIONS
    }


def test_a_bucket_that_cannot_be_asked_stops_the_deletion(deployment: Deployment) -> None:
    """Only a plain 404 says that an object is gone; Forbidden may be a missing right."""
    stock(deployment, "a.txt")
    _delete(deployment, "a.txt")
    compare(deployment)
    deployment.put_faults({"operation": "s3.HeadObject", "code": "AccessDenied", "status": 403})

    with pytest.raises(ClientError):
        mend(deployment)

    assert len(all_rows(deployment)) == 1
    assert len(deployment.all_keys()) == 3
