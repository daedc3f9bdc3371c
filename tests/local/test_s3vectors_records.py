"""What PutVectors accepts and refuses, and that a refused request stores nothing."""

from __future__ import annotations

import http.client
import json
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from nova_mme_local.scope import forge_authorization
from nova_mme_local.server import LocalAws

INDEX = {"vectorBucketName": "media", "indexName": "index"}
HIDDEN = ["text", "etag"]


@pytest.fixture
def vectors(client) -> Any:
    """A client, and two-dimensional indexes: "index" (cosine, two hidden keys) and "plain" (Euclidean)."""
    vectors = client("s3vectors")
    vectors.create_vector_bucket(vectorBucketName="media")
    fixed = {"vectorBucketName": "media", "dataType": "float32", "dimension": 2}
    hidden = {"nonFilterableMetadataKeys": HIDDEN}
    vectors.create_index(**fixed, indexName="index", distanceMetric="cosine", metadataConfiguration=hidden)
    vectors.create_index(**fixed, indexName="plain", distanceMetric="euclidean")
    return vectors


def record(key: str = "k", values: Any = (1.0, 2.0), metadata: Any = None) -> dict:
    told = {"key": key, "data": {"float32": list(values)}}
    return told if metadata is None else {**told, "metadata": metadata}


def put(vectors: Any, *records: dict, index: str = "index") -> None:
    vectors.put_vectors(vectorBucketName="media", indexName=index, vectors=list(records))


def refuse(vectors: Any, *records: dict, index: str = "index") -> str:
    """Put and expect a 400; whatever the reason, nothing may have been stored."""
    with pytest.raises(ClientError) as caught:
        put(vectors, *records, index=index)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert vectors.list_vectors(vectorBucketName="media", indexName=index)["vectors"] == []
    return caught.value.response["Error"]["Message"]


def test_values_are_stored_as_float32(vectors):
    """What comes back is the float32 nearest to what was sent, with its metadata."""
    put(vectors, record(values=(0.1, 1 / 3), metadata={"a": 1, "tags": ["x", "y"]}))
    [found] = vectors.get_vectors(**INDEX, keys=["k"], returnData=True, returnMetadata=True)["vectors"]
    assert np.array_equal(np.array(found["data"]["float32"], np.float32), np.array([0.1, 1 / 3], np.float32))
    assert found["metadata"] == {"a": 1, "tags": ["x", "y"]}


def test_a_key_that_exists_is_replaced(vectors):
    """A second put of a key replaces vector and metadata, whole."""
    put(vectors, record(metadata={"a": 1, "b": 2}))
    put(vectors, record(values=(3.0, 4.0), metadata={"c": 3}))
    [found] = vectors.get_vectors(**INDEX, keys=["k"], returnData=True, returnMetadata=True)["vectors"]
    assert found == {"key": "k", "data": {"float32": [3.0, 4.0]}, "metadata": {"c": 3}}


def test_a_replacement_without_metadata_has_none(vectors):
    """Metadata is not merged: put without any, and there is none."""
    put(vectors, record(metadata={"a": 1}))
    put(vectors, record())
    [found] = vectors.get_vectors(**INDEX, keys=["k"], returnMetadata=True)["vectors"]
    assert found == {"key": "k"}


def test_a_wrong_length_says_which_and_how_long(vectors):
    """The message names the record, the index's dimension and the vector's."""
    told = refuse(vectors, record("good"), record("bad", (1.0, 2.0, 3.0)))
    assert told == "Invalid record for key 'bad': vector must have length 2, but has length 3"


@pytest.mark.parametrize(
    "values",
    [
        (float("nan"), 1.0),
        (float("inf"), 1.0),
        (1e39, 1.0),  # beyond float32
    ],
)
@pytest.mark.parametrize("index", ["index", "plain"])
def test_only_finite_numbers_are_stored(vectors, values: tuple, index: str):
    """NaN, Infinity and what overflows float32 are refused with either metric."""
    told = refuse(vectors, record("good"), record("bad", values), index=index)
    assert told.startswith("Invalid record for key 'bad'")
    assert "NaN" in told


def test_zero_vectors_are_refused_for_cosine_only(vectors):
    """All zeros have no direction; for Euclidean distance they are a point like any other."""
    assert "zeros" in refuse(vectors, record("good"), record("bad", (0.0, 0.0)))
    put(vectors, record("origin", (0.0, 0.0)), index="plain")


def test_the_same_key_twice_is_refused(vectors):
    """Which of the two would win is anyone's guess, so neither does."""
    assert "'twice'" in refuse(vectors, record("twice"), record("other"), record("twice", (3.0, 4.0)))


def test_at_most_500_vectors_are_put(vectors):
    """501 are refused by the model's maximum, 500 are stored."""
    records = [record(f"k{n}") for n in range(501)]
    assert "between 1 and 500" in refuse(vectors, *records)
    put(vectors, *records[:500])
    assert len(vectors.list_vectors(**INDEX)["vectors"]) == 500


def test_at_most_500_are_deleted_and_100_fetched(vectors):
    """The limits of DeleteVectors and GetVectors."""
    with pytest.raises(ClientError, match="between 1 and 500"):
        vectors.delete_vectors(**INDEX, keys=[f"k{n}" for n in range(501)])
    with pytest.raises(ClientError, match="between 1 and 100"):
        vectors.get_vectors(**INDEX, keys=[f"k{n}" for n in range(101)])


def test_a_key_has_at_most_1024_characters(vectors):
    """The model's maximum for keys."""
    assert "between 1 and 1024" in refuse(vectors, record("k" * 1025))
    put(vectors, record("k" * 1024))


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"a": None}, "'a' must be a string"),
        ({"a": {"b": 1}}, "'a' must be a string"),
        ({"a": [{"b": 1}]}, "'a' must be a string"),
        ({"a": [None]}, "'a' must be a string"),
        ({f"k{n}": n for n in range(51)}, "at most 50 keys"),
        ({"a": "x" * 2048}, "filterable metadata must have at most 2048 bytes"),
        ({"a": "ü" * 1024}, "filterable metadata must have at most 2048 bytes"),
        ({"text": "x" * 40960}, "metadata must have at most 40960 bytes"),
        ({"x" * 64: 1}, "between 1 and 63 characters"),
    ],
)
def test_metadata_beyond_a_limit_is_refused(vectors, metadata: dict, told: str):
    """Types, number of keys, filterable and total size are checked for each record."""
    message = refuse(vectors, record("good"), record("bad", metadata=metadata))
    assert message.startswith("Invalid record for key 'bad'")
    assert told in message


def test_metadata_up_to_the_limits_is_stored(vectors):
    """50 keys, almost 2 KB filterable and almost 40 KB in all are fine."""
    put(
        vectors,
        record("keys", metadata={f"k{n}": n for n in range(50)}),
        record("filterable", metadata={"a": "x" * 2038}),
        record("total", metadata={"a": "x" * 1900, "text": "x" * 38_000}),
        record("nothing", metadata={}),
    )
    assert len(vectors.list_vectors(**INDEX)["vectors"]) == 4


def test_a_body_over_20_mib_is_413(local_aws: LocalAws, vectors):
    """The service's limit of a request's payload, measured at the HTTP body."""
    body = json.dumps({**INDEX, "vectors": [record("k", metadata={"text": "x" * 20 * 2**20})]}).encode()
    connection = http.client.HTTPConnection(local_aws.url.removeprefix("http://"))
    headers = {
        "Authorization": forge_authorization("s3vectors", "us-east-1"),
        "Content-Type": "application/json",
    }
    connection.request("POST", "/PutVectors", body=body, headers=headers)
    answer = connection.getresponse()
    assert answer.status == 413
    assert "20 MiB" in json.load(answer)["message"]
    connection.close()


@pytest.mark.parametrize(
    "data",
    [{"float32": "abc"}, {"float32": [1.0, "2.0"]}, {"float32": [[1.0, 2.0]]}, {"float32": [1.0, None]}, {}],
)
def test_what_is_no_list_of_numbers_is_refused(local_aws: LocalAws, vectors, data: dict):
    """Strings, nested lists and nulls in a vector are told from numbers, whatever client sent them."""
    body = json.dumps({**INDEX, "vectors": [{"key": "bad", "data": data}]})
    connection = http.client.HTTPConnection(local_aws.url.removeprefix("http://"))
    connection.request(
        "POST",
        "/PutVectors",
        body=body,
        headers={"Authorization": forge_authorization("s3vectors", "us-east-1")},
    )
    answer = connection.getresponse()
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "ValidationException")
    connection.close()
    assert vectors.list_vectors(**INDEX)["vectors"] == []


def test_vectors_come_in_the_order_asked_for(vectors):
    """GetVectors follows the request, leaves out what does not exist, and repeats nothing."""
    put(vectors, *(record(f"k{n}", (n + 1, 1)) for n in range(5)))
    found = vectors.get_vectors(**INDEX, keys=["k3", "k0", "gone", "k3", "k4"])["vectors"]
    assert found == [{"key": "k3"}, {"key": "k0"}, {"key": "k4"}]


def test_deleting_is_precise_and_forgiving(vectors):
    """Deleted vectors are gone at once, the others keep theirs, unknown keys are no error."""
    put(vectors, *(record(f"k{n}", (n + 1, 1), {"n": n}) for n in range(5)))
    vectors.delete_vectors(**INDEX, keys=["k0", "gone", "k2"])
    left = vectors.get_vectors(
        **INDEX, keys=[f"k{n}" for n in range(5)], returnData=True, returnMetadata=True
    )["vectors"]
    assert left == [
        {"key": f"k{n}", "data": {"float32": [n + 1, 1]}, "metadata": {"n": n}} for n in (1, 3, 4)
    ]
