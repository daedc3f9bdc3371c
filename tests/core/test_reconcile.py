"""Bucket, ledger and indexes compared and mended: each kind of finding, as it is in the four indexes afterwards."""

from __future__ import annotations

import time

import pytest
from core.deployment import Deployment
from core.stocked import (
    RECIPE,
    all_rows,
    alter,
    compare,
    keys_of,
    mend,
    put,
    start,
    stock,
    take,
)

from nova_mme.errors import BadSetting, Reason
from nova_mme.reconcile.finding import Kind
from nova_mme.space import DIMENSIONS

_DAY = 24 * 3600


def _delete(deployment: Deployment, key: str) -> None:
    deployment.s3.delete_object(Bucket="media", Key=key)


def test_what_is_in_step_is_left_alone(deployment: Deployment) -> None:
    """Nothing is found, and what is counted is what is there."""
    sources = [stock(deployment, "a.txt"), stock(deployment, "b.mp4", {"VIDEO": 2, "AUDIO": 2})]
    deployment.upload("new.txt", b"not embedded yet")

    compared = compare(deployment)

    assert compared.kinds == {}
    assert mend(deployment) == {}
    assert deployment.all_keys() == {
        *keys_of(sources[0]),
        *keys_of(sources[1], 2, "VIDEO"),
        *keys_of(sources[1], 2, "AUDIO"),
    }
    assert compared.tally == {
        "known": 2,
        "sources": 2,
        "stored": 2,
        "holding": 2,
        "objects": 3,
        "vectors": 4 * 7,
        "foreign": 0,
    }


def test_a_departed_source_leaves_nothing(deployment: Deployment) -> None:
    """Its vectors go in all four indexes, its row goes, and the others stay as they are."""
    gone, kept = stock(deployment, "gone.mp4", {"VIDEO": 3, "AUDIO": 2}), stock(deployment, "kept.txt")
    before = deployment.row(kept)
    _delete(deployment, "gone.mp4")

    assert compare(deployment).uris(Kind.DEPARTED) == [gone.uri]
    done = mend(deployment)

    assert done == {"removed": 1, "vectors_deleted": 4 * 5, "left_alone": 0}
    assert deployment.all_keys() == keys_of(kept)
    assert all_rows(deployment) == {kept.uri: before}


def test_comparing_changes_nothing(deployment: Deployment) -> None:
    """A dry run is the comparison alone: ledger, indexes and bucket are as before, whatever was found."""
    gone, holed = stock(deployment, "gone.txt"), stock(deployment, "holed.txt")
    _delete(deployment, "gone.txt")
    take(deployment, 384, f"{holed.object_id}/TEXT/1")
    put(deployment, 1024, f"orphan-{'0' * 16}/TEXT/0")
    before = (all_rows(deployment), [deployment.keys(dimension) for dimension in DIMENSIONS])

    compared = compare(deployment)

    assert compared.kinds == {"departed": 1, "orphan": 1, "hole": 1}
    assert (all_rows(deployment), [deployment.keys(dimension) for dimension in DIMENSIONS]) == before
    assert gone.uri in compared.page


def test_one_of_two_of_the_same_name_departs(deployment: Deployment) -> None:
    """Same file name, same content, two folders: only the deleted one's vectors go."""
    stock(deployment, "red/cat.txt"), stock(deployment, "blue/cat.txt")
    _delete(deployment, "red/cat.txt")

    assert compare(deployment).uris(Kind.DEPARTED) == ["s3://media/red/cat.txt"]
    mend(deployment)

    (row,) = all_rows(deployment).values()
    assert row.uri == "s3://media/blue/cat.txt"
    assert deployment.all_keys() == {f"{row.object_id}/TEXT/{index}" for index in range(3)}


def test_a_renamed_file_departs_under_its_old_name(deployment: Deployment) -> None:
    """And is a new object under its new one, for the embedding DAG's next run."""
    stock(deployment, "old.txt")
    deployment.s3.copy_object(Bucket="media", Key="new.txt", CopySource="media/old.txt")
    _delete(deployment, "old.txt")

    compared = compare(deployment)
    mend(deployment)

    assert compared.uris(Kind.DEPARTED) == ["s3://media/old.txt"]
    assert "1 objects in the bucket, 1 of them without a ledger row" in compared.page
    assert (all_rows(deployment), deployment.all_keys()) == ({}, set())


@pytest.mark.parametrize(
    "key",
    ["ein über b.txt", "猫/ねこ.txt", "100%25 a+b&c=d.txt", "😀 #1?.txt", "..txt", "a//b.txt", "'\"<x>.txt"],
)
def test_unusual_keys_are_found_in_the_bucket(deployment: Deployment, key: str) -> None:
    """Neither listing nor HeadObject takes such a key for another one, there or gone."""
    stock(deployment, key)
    assert compare(deployment).kinds == {}
    _delete(deployment, key)

    assert compare(deployment).uris(Kind.DEPARTED) == [f"s3://media/{key}"]
    mend(deployment)

    assert (all_rows(deployment), deployment.all_keys()) == ({}, set())


def test_a_delete_marker_is_a_departure(deployment: Deployment) -> None:
    """In a versioned bucket the older versions are still there, and do not count."""
    deployment.s3.put_bucket_versioning(Bucket="media", VersioningConfiguration={"Status": "Enabled"})
    stock(deployment, "a.txt", body=b"first"), stock(deployment, "a.txt", body=b"second")
    assert compare(deployment).kinds == {}
    _delete(deployment, "a.txt")

    compare(deployment)

    assert mend(deployment)["removed"] == 1
    assert (all_rows(deployment), deployment.all_keys()) == ({}, set())


def test_rows_of_other_places_are_left_alone(deployment: Deployment) -> None:
    """A row outside of the source URI, or below the output, is counted, and its vectors are no orphans."""
    inside = stock(deployment, "in/a.txt")
    outside = [stock(deployment, "out/b.txt"), stock(deployment, "in/out/c.txt")]
    _delete(deployment, "out/b.txt")
    narrow = Deployment(
        deployment.aws,
        type(deployment.settings).read(
            {
                "source_uri": "s3://media/in",
                "output_uri": "s3://media/in/out",
                "vector_bucket": "vectors",
                "ledger_table": "ledger",
                "model_revision": "test",
            }
        ),
    )

    compared = compare(narrow)

    assert compared.kinds == {}
    assert compared.tally["outside"] == 2
    assert all_rows(deployment).keys() == {inside.uri, *(source.uri for source in outside)}


def test_a_dead_letter_that_was_deleted_goes(deployment: Deployment) -> None:
    """Its next step told the user to: it has no vectors, and its row is not kept for ever."""
    source = deployment.upload("empty.txt", b"")
    deployment.ledger.failed(source, RECIPE, attempt=1, reason=Reason.EMPTY, message="Empty.")
    _delete(deployment, "empty.txt")

    assert compare(deployment).tally.get("departed_holding", 0) == 0
    mend(deployment)

    assert all_rows(deployment) == {}


def test_a_job_on_its_way_is_left_to_its_run(deployment: Deployment) -> None:
    """The object of a job that was started today is gone: the store task will have its say first."""
    source = deployment.upload("a.txt", b"text")
    start(deployment, source)
    _delete(deployment, "a.txt")

    assert compare(deployment).tally["in_motion"] == 1
    alter(deployment, source, updated=int(time.time()) - 2 * _DAY)
    assert compare(deployment).uris(Kind.DEPARTED) == [source.uri]
    alter(deployment, source, updated=int(time.time()))
    assert mend(deployment) == {"removed": 0, "vectors_deleted": 0, "left_alone": 1}

    assert all_rows(deployment).keys() == {source.uri}


def test_orphans_are_deleted_where_they_are(deployment: Deployment) -> None:
    """Without a row, beyond the row, of a type that the row does not know: each in the index that it is in."""
    kept = stock(deployment, "a.txt")
    lost = f"lost-{'1' * 16}/TEXT/0"
    put(deployment, 256, f"{kept.object_id}/TEXT/3", lost)
    put(deployment, 3072, f"{kept.object_id}/IMAGE/0", lost)

    found = compare(deployment).found[Kind.ORPHAN]
    done = mend(deployment)

    assert {(item.key, *item.dimensions) for item in found} == {
        (f"{kept.object_id}/TEXT/3", 256),
        (f"{kept.object_id}/IMAGE/0", 3072),
        (lost, 256),
        (lost, 3072),
    }
    assert done == {"vectors_deleted": 4, "left_alone": 0}
    assert deployment.all_keys() == keys_of(kept)
    assert compare(deployment).kinds == {}


def test_what_a_store_under_way_has_put_is_no_orphan(deployment: Deployment) -> None:
    """A row that only says how far the store reaches covers its vectors already."""
    source = deployment.upload("a.txt", b"text")
    start(deployment, source)
    deployment.ledger.reach(source, "TEXT", 2)
    put(deployment, 256, *keys_of(source, 2))

    assert compare(deployment).kinds == {}


@pytest.mark.parametrize(
    "key",
    [
        "somebody-else",
        "a/b/c",
        "cat-0123456789abcdef",
        "cat-0123456789ABCDEF/TEXT/0",
        "cat-0123456789abcdef/TEXT/01",
        "cat-0123456789abcdef/TEXT/0\n",
        "cat-0123456789abcdef/TEXT/x",
        "ü-0123456789abcdef/TEXT/0",
    ],
)
def test_foreign_keys_are_left_alone(deployment: Deployment, key: str) -> None:
    """A key of another form is not ours, however near it comes."""
    put(deployment, 384, key)

    compared = compare(deployment)
    mend(deployment)

    assert (compared.kinds, compared.tally["foreign"]) == ({}, 1)
    assert deployment.keys(384) == {key}


def test_a_missing_index_is_a_sentence(deployment: Deployment) -> None:
    """It is not taken for an empty one, which would make holes of everything."""
    stock(deployment, "a.txt")
    deployment.s3vectors.delete_index(vectorBucketName="vectors", indexName=deployment.index(1024))

    with pytest.raises(BadSetting, match=r"no index vectors/embeddings-1024d\. Run setup_embeddings"):
        compare(deployment)
