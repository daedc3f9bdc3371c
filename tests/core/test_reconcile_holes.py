"""Holes and stale vectors: what the ledger says is stored is not there, or is something else."""

from __future__ import annotations

import pytest
from core.deployment import Deployment
from core.stocked import alter, compare, mend, put, stock, take

from nova_mme.reconcile.finding import Kind
from nova_mme.row import Status
from nova_mme.space import DIMENSIONS


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_hole_is_opened_for_the_next_run(deployment: Deployment, dimension: int) -> None:
    """One vector is missing in one index: the row is submitted again, with the job that it had."""
    holed, whole = stock(deployment, "a.txt"), stock(deployment, "b.txt")
    take(deployment, dimension, f"{holed.object_id}/TEXT/1")

    (finding,) = compare(deployment).found[Kind.HOLE]
    done = mend(deployment)

    assert (finding.uri, finding.dimensions) == (holed.uri, (dimension,))
    assert done == {"reopened": 1, "left_alone": 0}
    row = deployment.row(holed)
    assert (row.status, row.attempt, bool(row.invocation_arn)) == (Status.SUBMITTED, 1, True)
    assert deployment.row(whole).status is Status.STORED


def test_failed_segments_are_no_holes(deployment: Deployment) -> None:
    """A partial source lacks what the model failed, and must have the rest."""
    source = stock(deployment, "a.txt", {"TEXT": 4}, failed=["TEXT/0", "TEXT/2"])
    assert compare(deployment).kinds == {}

    take(deployment, 1024, f"{source.object_id}/TEXT/3")

    assert compare(deployment).uris(Kind.HOLE) == [source.uri]
    assert mend(deployment)["reopened"] == 1


def test_a_row_without_counts_is_judged_by_its_extents(deployment: Deployment) -> None:
    """Rows of earlier releases do not say how many segments they have: whole ones do without."""
    sources = [stock(deployment, "a.txt"), stock(deployment, "b.txt", failed=["TEXT/1"])]
    for source in sources:
        alter(deployment, source, counts={})
    assert compare(deployment).kinds == {}

    for source in sources:
        take(deployment, 256, f"{source.object_id}/TEXT/0")

    assert compare(deployment).uris(Kind.HOLE) == [sources[0].uri]


@pytest.mark.parametrize("about", [{"etag": "older"}, {"recipe": "other"}])
def test_a_vector_of_another_version_is_stale(deployment: Deployment, about: dict[str, str]) -> None:
    """An older store ran over a newer one: the source is stored again from its own job."""
    source = stock(deployment, "a.txt")
    put(deployment, 256, f"{source.object_id}/TEXT/2", **({"etag": source.etag} | about))

    compared = compare(deployment)

    assert compared.uris(Kind.STALE) == [source.uri]
    assert mend(deployment) == {"reopened": 1, "left_alone": 0}
    assert deployment.row(source).status is Status.SUBMITTED


def test_versions_are_not_read_when_not_asked_for(deployment: Deployment) -> None:
    """Without check_versions no metadata is listed, and a stale vector stays unseen."""
    source = stock(deployment, "a.txt")
    put(deployment, 256, f"{source.object_id}/TEXT/2", etag="older")

    with deployment.record("s3vectors") as calls:
        compared = compare(deployment, check_versions=False)

    assert compared.kinds == {}
    assert not any(call.params.get("returnMetadata") for call in calls)
    assert not any(call.params.get("returnData") for call in calls)


def test_a_vector_that_the_row_knows_to_have_failed_is_stale(deployment: Deployment) -> None:
    """More vectors than the source has stored: somebody else put one within its reach."""
    source = stock(deployment, "a.txt", failed=["TEXT/1"])
    put(deployment, 3072, f"{source.object_id}/TEXT/1", etag=source.etag)

    (finding,) = compare(deployment).found[Kind.STALE]

    assert (finding.uri, finding.dimensions) == (source.uri, (3072,))
    assert mend(deployment)["reopened"] == 1
