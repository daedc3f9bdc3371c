"""Vector batches: the bits that plain boto3 would store, within the service's limits, signed and retried as any call."""

from __future__ import annotations

import json
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from core.builders import make_vectors
from core.deployment import Deployment, open_client
from core.wire import DROP, listen, sign, signature_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from nova_mme.errors import BadSetting
from nova_mme.vector_batch import (
    MAX_BODY_BYTES,
    MAX_VECTORS,
    BodyTooLarge,
    VectorBatch,
    accept_batches,
    put_batch,
)

_ANY_FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


def _batch(
    count: int, dimension: int = 256, *, seed: int = 0, metadata: dict[str, Any] | None = None
) -> VectorBatch:
    matrix = np.ascontiguousarray(make_vectors(count, seed=seed)[:, :dimension], dtype=np.float32)
    return VectorBatch([f"k{n}" for n in range(count)], matrix, [metadata or {"n": n} for n in range(count)])


def _open(url: str, mode: str) -> Any:
    """A client that tries twice, in one of botocore's retry modes."""
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
    config = Config(retries={"mode": mode, "total_max_attempts": 2})
    return boto3.client("s3vectors", endpoint_url=url, config=config, **keys)


def _put(client: Any, vectors: Any, index: str = "embeddings-256d") -> None:
    client.put_vectors(vectorBucketName="vectors", indexName=index, vectors=vectors)


@settings(deadline=None)
@given(arrays(np.float32, (3, 8), elements=_ANY_FLOAT32).filter(lambda rows: rows.any(axis=1).all()))
def test_every_float32_survives_the_encoding(matrix: NDArray[np.float32]) -> None:
    """Denormals, huge and negative ones, and minus zero: the text reads back as the same bits."""
    items = json.loads(VectorBatch("abc", matrix, [{}, {}, {}]).encode())["vectors"]

    decoded = np.array([item["data"]["float32"] for item in items], dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(decoded.view(np.uint32), matrix.view(np.uint32))


@pytest.mark.parametrize("dimension", [256, 3072])
def test_the_store_holds_the_bits_that_plain_lists_would_give(deployment: Deployment, dimension: int) -> None:
    """One batch, put both ways: keys, values and metadata are the same."""
    batch, index = (
        _batch(3, dimension, metadata={"title": "ü☕", "n": 1, "tags": ["a", "b"]}),
        f"embeddings-{dimension}d",
    )
    plain = [
        {"key": f"plain-{key}", "data": {"float32": row.astype(float).tolist()}, "metadata": meta}
        for key, row, meta in zip(batch.keys, batch.matrix, batch.metadata, strict=True)
    ]
    _put(deployment.s3vectors, plain, index)
    deployment.store.put(dimension, batch)

    for key, row in zip(batch.keys, batch.matrix, strict=True):
        one, other = deployment.vector(dimension, key), deployment.vector(dimension, f"plain-{key}")
        assert one["metadata"] == other["metadata"]
        stored = [
            np.array(each["data"]["float32"], dtype=np.float32).view(np.uint32) for each in (one, other)
        ]
        np.testing.assert_array_equal(stored[0], stored[1])
        np.testing.assert_array_equal(stored[0], row.view(np.uint32))


def _put_over_wire(batch: VectorBatch) -> list[list[dict[str, Any]]]:
    """The vectors of each call that a batch takes."""
    with listen() as wire:
        client = accept_batches(open_client(wire.url, "s3vectors"))
        assert put_batch(client, batch, vectorBucketName="vectors", indexName="embeddings-4d") == len(batch)
    assert all(len(request.body) <= MAX_BODY_BYTES for request in wire.received)
    return [json.loads(request.body)["vectors"] for request in wire.received]


@pytest.mark.parametrize(("count", "calls"), [(1, 1), (499, 1), (500, 1), (501, 2), (1000, 2), (1001, 3)])
def test_a_call_holds_at_most_500_vectors(count: int, calls: int) -> None:
    """All of them, once each and in order, in as few halves as that takes."""
    made = _put_over_wire(_batch(count, 4))

    assert len(made) == calls
    assert max(map(len, made)) <= MAX_VECTORS == 500
    assert [item["key"] for call in made for item in call] == [f"k{number}" for number in range(count)]


def test_a_call_holds_at_most_20_mib() -> None:
    """500 vectors of the longest float32 texts are more than that, so they go in two calls."""
    matrix = np.full((500, 3072), np.float32(-1.17549435e-38))
    batch = VectorBatch([f"k{n}" for n in range(500)], matrix, [{"text": "x" * 16_000}] * 500)
    assert len(batch.encode()) > MAX_BODY_BYTES == 20 * 2**20

    assert [len(call) for call in _put_over_wire(batch)] == [250, 250]


def test_one_vector_over_the_limit_is_refused_by_name() -> None:
    """It cannot be split: the sentence names it and its size, and nothing is sent."""
    batch = VectorBatch(["big"], np.ones((1, 4), np.float32), [{"text": "x" * (20 * 2**20)}])

    with listen() as wire, pytest.raises(BodyTooLarge, match="'big', take 20,97.* bytes"):
        put_batch(
            accept_batches(open_client(wire.url, "s3vectors")),
            batch,
            vectorBucketName="vectors",
            indexName="embeddings-4d",
        )

    assert wire.received == []


def test_no_vectors_make_no_call() -> None:
    """PutVectors takes at least one vector: an empty batch is nothing to do, not a refused call."""
    assert _put_over_wire(VectorBatch([], np.empty((0, 256), np.float32), [])) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    """JSON has no such numbers: they would go out as null."""
    matrix = np.ones((2, 4), np.float32)
    matrix[1, 2] = value

    with pytest.raises(BadSetting, match="finite"):
        VectorBatch(["a", "b"], matrix, [{}, {}])


def test_a_zero_vector_is_refused() -> None:
    """It has no direction, and S3 Vectors refuses the whole call for it."""
    with pytest.raises(BadSetting, match="none of them zero"):
        VectorBatch(["a", "b"], np.array([[1, 0], [0, 0]], np.float32), [{}, {}])


def test_a_key_that_comes_twice_is_refused() -> None:
    """S3 Vectors would refuse the whole call, or keep one of the two: neither is what was asked."""
    with pytest.raises(BadSetting, match="'a'"):
        VectorBatch(["a", "b", "a"], np.ones((3, 4), np.float32), [{}, {}, {}])


@pytest.mark.parametrize(
    "matrix",
    [
        np.ones((2, 4)),
        np.ones(4, np.float32),
        np.asfortranarray(np.ones((2, 4), np.float32)),
        np.ones((2, 8), np.float32)[:, ::2],
    ],
)
def test_a_matrix_of_another_kind_is_refused(matrix: NDArray[Any]) -> None:
    """Only a C-contiguous float32 matrix is written without a conversion."""
    with pytest.raises(BadSetting, match="C-contiguous float32"):
        VectorBatch(["a", "b"], matrix, [{}, {}])


@pytest.mark.parametrize(
    ("keys", "documents"), [(["a"], [{}, {}]), (["a", "b"], [{}]), (["a", "b", "c"], [{}] * 3)]
)
def test_rows_keys_and_documents_go_together(keys: list[str], documents: list[dict[str, Any]]) -> None:
    """A missing one would give a vector its neighbour's metadata."""
    with pytest.raises(BadSetting, match="one key and one metadata document per row"):
        VectorBatch(keys, np.ones((2, 4), np.float32), documents)


@pytest.mark.parametrize("mode", ["standard", "adaptive", "legacy"])
@pytest.mark.parametrize("status", [429, 500, 503, DROP], ids=["429", "500", "503", "dropped"])
def test_a_retry_sends_the_same_body_signed_anew(status: int, mode: str) -> None:
    """botocore retries as ever; each attempt carries the vectors and a signature that is right for them."""
    batch = _batch(3)
    with listen([status, 200]) as wire:
        client = accept_batches(_open(wire.url, mode))
        _put(client, batch)

    assert len(wire.received) == 2
    assert len({request.body for request in wire.received}) == 1
    assert json.loads(wire.received[0].body) == {
        "vectorBucketName": "vectors",
        "indexName": "embeddings-256d",
        "vectors": json.loads(batch.encode())["vectors"],
    }
    for request in wire.received:
        assert signature_of(request) == sign(request, "local")
        assert int(request.headers["content-length"]) == len(request.body)
        assert request.path == "/PutVectors"


def test_plain_lists_still_work(deployment: Deployment) -> None:
    """A taught client takes what boto3 takes."""
    client = accept_batches(deployment.s3vectors)
    _put(client, [{"key": "plain", "data": {"float32": [1.0] * 256}, "metadata": {"n": 1}}])

    assert deployment.vector(256, "plain")["metadata"] == {"n": 1}


def test_teaching_a_client_twice_changes_nothing() -> None:
    """Each put teaches it again: the vectors must not be swapped twice, nor a list of handlers grow."""
    with listen() as wire:
        client = open_client(wire.url, "s3vectors")
        for _ in range(3):
            assert accept_batches(client) is client
        _put(client, _batch(2))
        _put(client, [{"key": "plain", "data": {"float32": [1.0]}}])

    assert [[item["key"] for item in json.loads(request.body)["vectors"]] for request in wire.received] == [
        ["k0", "k1"],
        ["plain"],
    ]


def test_an_untaught_client_refuses_a_batch() -> None:
    """botocore's own validation, before anything is sent."""
    with listen() as wire, pytest.raises(Exception, match="Parameter validation failed"):
        _put(open_client(wire.url, "s3vectors"), _batch(1))

    assert wire.received == []


def test_nothing_wrong_is_stored_when_the_second_hook_does_not_fire(deployment: Deployment) -> None:
    """What goes out then is a placeholder that an index of any dimension refuses."""
    client = accept_batches(Deployment(deployment.aws).s3vectors)
    client.meta.events.unregister("before-call.s3vectors.PutVectors", unique_id="nova-mme-put-in")

    for dimension in (256, 3072):
        with pytest.raises(ClientError, match="ValidationException"):
            _put(client, _batch(1, dimension), f"embeddings-{dimension}d")
        assert deployment.keys(dimension) == set()


def test_a_refused_call_leaves_nothing_behind_for_the_next() -> None:
    """The swapped-out vectors belong to one call only."""
    with listen([400, 200]) as wire:
        client = accept_batches(open_client(wire.url, "s3vectors"))
        with pytest.raises(ClientError):
            _put(client, _batch(1, seed=1))
        _put(client, [{"key": "plain", "data": {"float32": [1.0]}}])

    assert json.loads(wire.received[1].body)["vectors"] == [{"key": "plain", "data": {"float32": [1.0]}}]
