"""The indexes of a vector bucket: which are named stores, and that no command touches the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from core.deployment import Deployment
from core.library import open_registry
from core.text_stores import open_catalog

from nova_mme.errors import BadSetting, IndexMismatch
from nova_mme.metadata import NON_FILTERABLE_KEYS
from nova_mme.space import DIMENSIONS, Space
from nova_mme.text_store.catalog import Kind, check_name
from nova_mme_local.bedrock.models import NOVA_NEXT

_NEXT = Space(NOVA_NEXT, "test", first=False)


def _put(deployment: Deployment, index: str, **metadata: Any) -> None:
    deployment.s3vectors.put_vectors(
        vectorBucketName="vectors",
        indexName=index,
        vectors=[
            {"key": "a-0123456789abcdef/TEXT/0", "data": {"float32": [1.0] * 256}, "metadata": metadata}
        ],
    )


def _make_foreign(deployment: Deployment, name: str, **changes: Any) -> None:
    request = {
        "vectorBucketName": "vectors",
        "indexName": name,
        "dataType": "float32",
        "dimension": 256,
        "distanceMetric": "cosine",
        "metadataConfiguration": {"nonFilterableMetadataKeys": sorted(NON_FILTERABLE_KEYS)},
    }
    deployment.s3vectors.create_index(**{**request, **changes})


def test_a_store_is_an_index_of_one_dimension(deployment: Deployment) -> None:
    """Of the shape that all our indexes have."""
    entry = open_catalog(deployment).create("notes", 384)

    made = deployment.s3vectors.get_index(vectorBucketName="vectors", indexName="notes")["index"]
    assert (made["dimension"], made["dataType"], made["distanceMetric"]) == (384, "float32", "cosine")
    assert set(made["metadataConfiguration"]["nonFilterableMetadataKeys"]) == NON_FILTERABLE_KEYS
    assert (entry.kind, entry.dimension, entry.created) == (
        Kind.STORE,
        384,
        int(made["creationTime"].timestamp()),
    )


def test_all_indexes_are_listed(deployment: Deployment) -> None:
    """Each with what it is: those of every registered space, stores, and what others have made."""
    open_registry(deployment).build(_NEXT, {})
    _make_foreign(deployment, _NEXT.index_name(256))
    _make_foreign(deployment, "theirs", distanceMetric="euclidean")
    _make_foreign(deployment, "embeddings-old-256d")
    catalog = open_catalog(deployment)
    catalog.create("notes", 1024)

    told = {entry.name: (entry.kind, entry.dimension, entry.space) for entry in catalog.list()}

    assert list(told) == sorted(told)
    assert told == {
        "notes": (Kind.STORE, 1024, ""),
        "theirs": (Kind.OTHER, 256, ""),
        "embeddings-old-256d": (Kind.OTHER, 256, ""),
        _NEXT.index_name(256): (Kind.SPACE, 256, _NEXT.name),
        **{
            deployment.index(dimension): (Kind.SPACE, dimension, deployment.settings.space.name)
            for dimension in DIMENSIONS
        },
    }


@pytest.mark.parametrize("name", ["abc", "my-notes.2026", "0a0", "a" * 63, "embedding"])
def test_names_that_can_be(name: str) -> None:
    """S3 Vectors' own rule."""
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "ab", "a" * 64, "Notes", "my notes", "-abc", "abc-", "a/b/c", "näme", "abc\n", "embeddings-256d"],
)
def test_names_that_cannot_be(deployment: Deployment, name: str) -> None:
    """Refused before S3 Vectors is asked; those of spaces' indexes, too."""
    catalog = open_catalog(deployment)

    with deployment.record("s3vectors") as calls, pytest.raises(BadSetting, match="cannot be a store's name"):
        catalog.create(name, 256)

    assert calls == []


def test_a_taken_name_and_a_wrong_dimension(deployment: Deployment) -> None:
    """Are told; the first store stays as it is."""
    catalog = open_catalog(deployment)
    catalog.create("notes", 256)

    with pytest.raises(BadSetting, match="There is an index 'notes' already"):
        catalog.create("notes", 1024)
    with pytest.raises(BadSetting, match="512; it can be 256, 384, 1024, 3072"):
        catalog.create("other", 512)

    assert catalog.find("notes").dimension == 256


def test_a_deleted_store_is_gone(deployment: Deployment) -> None:
    """And nothing else is."""
    catalog = open_catalog(deployment)
    before = catalog.list()
    catalog.create("notes", 256)

    catalog.delete("notes")

    assert catalog.list() == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("embeddings-1024d", "backfill_embeddings retires it"),
        ("embeddings-old-256d", "no named store"),
        ("theirs", "no named store"),
        ("none", "There is no store 'none'"),
        ("No/Such Name", "There is no store"),
    ],
)
def test_what_is_not_deleted(deployment: Deployment, name: str, message: str) -> None:
    """A space's index, a reserved name, an index of another shape; nor can they be opened as a store."""
    _make_foreign(deployment, "theirs", metadataConfiguration={"nonFilterableMetadataKeys": ["text"]})
    _make_foreign(deployment, "embeddings-old-256d")
    catalog = open_catalog(deployment)
    before = catalog.list()

    for act in (catalog.delete, catalog.open):
        with pytest.raises(BadSetting, match=message):
            act(name)

    assert catalog.list() == before


def test_there_is_no_vector_bucket(buckets: Deployment) -> None:
    """The sentence names it, and what makes it."""
    buckets.ledger.ensure()
    catalog = open_catalog(buckets)

    for act in (catalog.list, lambda: catalog.create("notes", 256)):
        with pytest.raises(BadSetting, match=r"no vector bucket 'vectors'\. Run setup_embeddings"):
            act()


def test_an_empty_store_is_of_the_active_space(deployment: Deployment) -> None:
    """Whichever that is."""
    catalog = open_catalog(deployment)
    catalog.create("notes", 256)

    assert catalog.open("notes").space == deployment.settings.space


def test_a_store_keeps_its_space_when_another_becomes_active(deployment: Deployment) -> None:
    """It is asked with the model that it was filled with."""
    open_catalog(deployment).create("notes", 256)
    _put(deployment, "notes", space=deployment.settings.space.name)
    registry = open_registry(deployment)
    registry.build(_NEXT, {})
    registry.cut_over(_NEXT.name, keep_days=1, force=True)

    catalog = open_catalog(deployment)

    assert catalog.spaces.active.space == _NEXT
    assert catalog.open("notes").space == deployment.settings.space


def test_a_store_of_an_unknown_space(deployment: Deployment) -> None:
    """No query can be compared with it."""
    catalog = open_catalog(deployment)
    catalog.create("notes", 256)
    _put(deployment, "notes", space="forgotten")

    with pytest.raises(IndexMismatch, match="'forgotten', which this deployment does not have"):
        catalog.open("notes")


def test_a_store_of_two_spaces(deployment: Deployment) -> None:
    """Is noticed when one of the vectors says another one."""
    catalog = open_catalog(deployment)
    catalog.create("notes", 256)
    _put(deployment, "notes", space="forgotten")
    member = replace(catalog.spaces.active, space=Space("forgotten", ""))
    both = replace(catalog, spaces=catalog.spaces.put(member))
    deployment.s3vectors.put_vectors(
        vectorBucketName="vectors",
        indexName="notes",
        vectors=[
            {
                "key": "b-0123456789abcdef/TEXT/0",
                "data": {"float32": [1.0] * 256},
                "metadata": {"space": deployment.settings.space.name},
            }
        ],
    )

    with pytest.raises(IndexMismatch, match="holds vectors of the space"):
        both.open("notes")
