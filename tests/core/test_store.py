"""The vector store: four indexes of one shape, puts that may be repeated, deletes that reach all four."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError
from core.builders import make_vectors
from core.deployment import Deployment

from nova_mme.errors import IndexMismatch
from nova_mme.matryoshka import truncate
from nova_mme.metadata import NON_FILTERABLE_KEYS
from nova_mme.space import DIMENSIONS, Space
from nova_mme.store import VectorStore
from nova_mme.vector_batch import VectorBatch

_NAMES = ["embeddings-256d", "embeddings-384d", "embeddings-1024d", "embeddings-3072d"]


def _batch(count: int, dimension: int = 256, **document: Any) -> VectorBatch:
    keys = [f"object/TEXT/{number}" for number in range(count)]
    return VectorBatch(
        keys, truncate(make_vectors(count), dimension), [{"n": n, **document} for n in range(count)]
    )


def test_what_is_missing_is_created_once(empty: Deployment) -> None:
    """The bucket and four indexes; a second time nothing, whoever made them."""
    assert empty.store.ensure() == ["vectors", *_NAMES]
    assert empty.store.ensure() == []


def test_the_indexes_have_the_promised_shape(deployment: Deployment) -> None:
    """float32, cosine, their dimension, and the long keys non-filterable."""
    for dimension, name in zip(DIMENSIONS, _NAMES, strict=True):
        index = deployment.s3vectors.get_index(vectorBucketName="vectors", indexName=name)["index"]
        assert (index["dataType"], index["dimension"], index["distanceMetric"]) == (
            "float32",
            dimension,
            "cosine",
        )
        assert set(index["metadataConfiguration"]["nonFilterableMetadataKeys"]) == NON_FILTERABLE_KEYS


def test_only_the_missing_index_is_created(deployment: Deployment) -> None:
    """A lost index comes back; the others keep their vectors."""
    deployment.store.put(256, _batch(1))
    deployment.s3vectors.delete_index(vectorBucketName="vectors", indexName="embeddings-1024d")

    assert deployment.store.ensure() == ["embeddings-1024d"]
    assert deployment.keys(256) == {"object/TEXT/0"}


def test_another_space_has_indexes_of_its_own(deployment: Deployment) -> None:
    """In the same bucket, and nothing of the first space is touched."""
    later = VectorStore(deployment.s3vectors, "vectors", Space(revision="two", first=False))
    deployment.store.put(256, _batch(1))

    assert later.ensure() == [f"embeddings-nova-2-mme-v1-0-two-{dimension}d" for dimension in DIMENSIONS]
    later.delete(["object/TEXT/0"])
    assert deployment.keys(256) == {"object/TEXT/0"}


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ({"dimension": 128}, "dimension 128, needed 384"),
        ({"distanceMetric": "euclidean"}, "distance metric euclidean, needed cosine"),
        (
            {"metadataConfiguration": {"nonFilterableMetadataKeys": ["text"]}},
            r"metadata keys \['text'\], needed",
        ),
        ({"metadataConfiguration": None}, r"metadata keys \[\], needed"),
    ],
    ids=["dimension", "metric", "keys", "no keys"],
)
def test_an_index_of_another_shape_is_refused(
    empty: Deployment, shape: dict[str, Any], sentence: str
) -> None:
    """It is left alone, and the sentence says what it has, what is needed and what to do."""
    request = {
        "vectorBucketName": "vectors",
        "indexName": "embeddings-384d",
        "dataType": "float32",
        "dimension": 384,
        "distanceMetric": "cosine",
        "metadataConfiguration": {"nonFilterableMetadataKeys": sorted(NON_FILTERABLE_KEYS)},
        **shape,
    }
    empty.s3vectors.create_vector_bucket(vectorBucketName="vectors")
    empty.s3vectors.create_index(**{name: value for name, value in request.items() if value is not None})

    with pytest.raises(
        IndexMismatch, match=f"vectors/embeddings-384d exists in another shape: .*{sentence}.*left alone"
    ):
        empty.store.ensure()


def test_setup_needs_no_right_to_create_what_is_there(deployment: Deployment) -> None:
    """Where infrastructure code made bucket and indexes, the task's role may only look at them."""
    denied = {"code": "AccessDeniedException", "status": 403, "times": 9}
    deployment.put_faults(
        *({"operation": f"s3vectors.{name}", **denied} for name in ("CreateVectorBucket", "CreateIndex"))
    )

    assert deployment.store.ensure() == []


def test_a_put_can_be_repeated(deployment: Deployment) -> None:
    """A key's vector and metadata are replaced."""
    deployment.store.put(256, _batch(3, title="old"))
    assert deployment.store.put(256, _batch(3, title="new")) == 3

    assert deployment.keys(256) == {f"object/TEXT/{number}" for number in range(3)}
    assert deployment.vector(256, "object/TEXT/2")["metadata"] == {"n": 2, "title": "new"}


def test_a_large_put_goes_in_several_calls(deployment: Deployment) -> None:
    """All vectors arrive, each with its own numbers and metadata."""
    batch = _batch(501)
    assert deployment.store.put(256, batch) == 501

    assert deployment.calls("s3vectors.PutVectors") == 2
    assert len(deployment.keys(256)) == 501
    last = deployment.vector(256, "object/TEXT/500")
    assert last["metadata"] == {"n": 500}
    np.testing.assert_array_equal(np.array(last["data"]["float32"], np.float32), batch.matrix[500])


def test_a_delete_reaches_all_four_indexes(deployment: Deployment) -> None:
    """Absent keys are no error; the others stay."""
    for dimension in DIMENSIONS:
        deployment.store.put(dimension, _batch(3, dimension))

    assert deployment.store.delete(["object/TEXT/0", "object/TEXT/2", "object/TEXT/99"]) == 3

    assert deployment.all_keys() == {"object/TEXT/1"}


def test_a_large_delete_goes_in_calls_of_500(deployment: Deployment) -> None:
    """The limit of DeleteVectors, in each of the four indexes; nothing to delete is no call."""
    deployment.store.put(256, _batch(501))

    assert deployment.store.delete(f"object/TEXT/{number}" for number in range(501)) == 501
    assert deployment.store.delete([]) == 0

    assert deployment.calls("s3vectors.DeleteVectors") == 8
    assert deployment.keys(256) == set()


def test_a_refused_put_is_raised(deployment: Deployment) -> None:
    """Nothing is swallowed: a vector of another length names itself."""
    with pytest.raises(ClientError, match="object/TEXT/0.*length 384"):
        deployment.store.put(384, _batch(1, 256))


def test_a_dropped_space_leaves_the_others(deployment: Deployment) -> None:
    """Its four indexes go with all that is in them; those that are not there are no error, and not told of."""
    later = VectorStore(deployment.s3vectors, "vectors", Space(revision="two", first=False))
    later.ensure()
    deployment.store.put(256, _batch(1))
    later.put(256, _batch(3))

    assert later.drop() == [f"embeddings-nova-2-mme-v1-0-two-{dimension}d" for dimension in DIMENSIONS]
    assert later.drop() == []
    assert deployment.keys(256) == {"object/TEXT/0"}
    deployment.s3vectors.delete_index(vectorBucketName="vectors", indexName="embeddings-384d")
    assert deployment.store.drop() == ["embeddings-256d", "embeddings-1024d", "embeddings-3072d"]


def test_an_index_that_cannot_be_dropped_is_raised(deployment: Deployment) -> None:
    """Whoever drops a space must know that it is still there."""
    deployment.put_faults(
        {"operation": "s3vectors.DeleteIndex", "code": "AccessDeniedException", "status": 403}
    )

    with pytest.raises(ClientError, match="AccessDenied"):
        deployment.store.drop()


@pytest.mark.parametrize("documents", [[], [{}], [{"space": "nova-2-mme-v1-0-test"}]], ids=str)
def test_vectors_of_its_own_space_are_no_trouble(
    deployment: Deployment, documents: list[dict[str, Any]]
) -> None:
    """Nor none at all, nor one that does not say of which space it is."""
    for document in documents:
        deployment.store.put(256, _batch(1, **document))

    deployment.store.check_space()
    assert deployment.store.ensure() == []


def test_vectors_of_another_space_are_refused_by_name(deployment: Deployment) -> None:
    """Two deployments were given one vector bucket: the sentence names both spaces and a vector."""
    deployment.store.put(256, _batch(3, space="next-v2-0"))

    told = (
        "vectors/embeddings-256d holds vectors of the space 'next-v2-0', not of 'nova-2-mme-v1-0-test': the vector "
        "'object/TEXT/.' is one.*backfill_embeddings"
    )
    for check in (deployment.store.check_space, deployment.store.ensure):
        with pytest.raises(IndexMismatch, match=told):
            check()


def test_a_space_without_indexes_cannot_be_checked(empty: Deployment) -> None:
    """That is told as the service tells it."""
    with pytest.raises(ClientError, match="NotFound"):
        empty.store.check_space()
