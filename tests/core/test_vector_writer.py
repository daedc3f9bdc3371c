"""The vector writer: batches of many sources into four indexes at once, and what is refused is named."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import orjson
import pytest
from botocore.exceptions import ClientError
from core.builders import make_settings, make_vectors
from core.deployment import Deployment, open_client
from core.wire import listen

from nova_mme.errors import IndexMismatch
from nova_mme.matryoshka import truncate
from nova_mme.pace import OwnTimeline, Pacer
from nova_mme.segment import Segment
from nova_mme.space import DIMENSIONS
from nova_mme.store import VectorStore
from nova_mme.vector_writer import BATCH_ROWS, Entry, VectorWriter


@dataclass
class Told:
    """An owner that keeps what it is told."""

    good: list[int] = field(default_factory=list)
    bad: dict[int, str] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)

    def landed(self, segment: Segment) -> None:
        """It is in."""
        self.good.append(segment.index)

    def refused(self, segment: Segment, message: str) -> None:
        """It will not get in."""
        self.bad[segment.index] = message

    def broke(self, error: Exception) -> None:
        """Nobody knows."""
        self.errors.append(error)


def _write(
    store: VectorStore,
    vectors: Iterable[Any],
    *,
    documents: dict[int, dict[str, Any]] | None = None,
    told: Told | None = None,
) -> tuple[Told, VectorWriter]:
    told = told or Told()
    with VectorWriter(store) as writer:
        for number, vector in enumerate(vectors):
            document = orjson.dumps((documents or {}).get(number, {"n": number}))
            writer.add(Entry(f"k{number}", document, Segment("TEXT", number), told), vector)
        writer.drain()
    return told, writer


def _keys(*numbers: int) -> set[str]:
    return {f"k{number}" for number in numbers}


@pytest.mark.parametrize("count", [1, BATCH_ROWS - 1, BATCH_ROWS, BATCH_ROWS + 1])
def test_a_put_per_batch_and_index(deployment: Deployment, count: int) -> None:
    """Whatever the number of sources: a put costs as much as 128 KB."""
    told, _ = _write(deployment.store, make_vectors(count))

    assert sorted(told.good) == list(range(count))
    assert deployment.calls("s3vectors.PutVectors") == len(DIMENSIONS) * -(-count // BATCH_ROWS)
    assert deployment.all_keys() == _keys(*range(count))


def test_the_indexes_hold_each_vector_with_its_document(deployment: Deployment) -> None:
    """The truncated bits and the metadata of its own, with the dimension."""
    vectors = make_vectors(40)
    _write(deployment.store, vectors)

    for dimension in DIMENSIONS:
        expected = truncate(vectors, dimension)
        for number in (0, 31, 32, 39):
            stored = deployment.vector(dimension, f"k{number}")
            assert stored["metadata"] == {"n": number, "embeddingDimension": dimension}
            np.testing.assert_array_equal(np.float32(stored["data"]["float32"]), expected[number])


@pytest.mark.parametrize("bad", [{0}, {7}, {3, 4}, {0, 5, 9}, set(range(10))], ids=str)
def test_what_the_service_refuses_is_named(deployment: Deployment, bad: set[int]) -> None:
    """By halves: the neighbours are in all four indexes, and the sentence is the service's."""
    documents = {number: {"nested": {"n": number}} for number in bad}

    told, writer = _write(deployment.store, make_vectors(10), documents=documents)

    good = set(range(10)) - bad
    assert (set(told.good), set(told.bad), told.errors, writer.fault) == (good, bad, [], None)
    assert all("nested" in message for message in told.bad.values())
    assert deployment.all_keys() == _keys(*good)


def test_a_refusal_of_one_index_is_one_of_the_segment(deployment: Deployment) -> None:
    """The other three have it; its owner knows that it is not whole, and has it deleted."""
    refuse = {"code": "ValidationException", "status": 400, "message": "Not this one."}
    deployment.put_faults(
        {"operation": "s3vectors.PutVectors", "index": "embeddings-384d", "times": 2, **refuse}
    )

    told, _ = _write(deployment.store, make_vectors(1))
    assert (told.good, told.bad) == ([], {0: "Not this one."})
    told, _ = _write(deployment.store, make_vectors(2))  # refused together, taken one by one

    assert (sorted(told.good), told.bad) == ([0, 1], {})


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_what_we_refuse_is_named(deployment: Deployment, value: float) -> None:
    """Should such a vector ever come so far, it does not go out as null, and its neighbours are stored."""
    vectors = make_vectors(5)
    vectors[2] = value

    with np.errstate(invalid="ignore"):
        told, _ = _write(deployment.store, vectors)

    assert (sorted(told.good), list(told.bad)) == ([0, 1, 3, 4], [2])
    assert "finite" in told.bad[2]
    assert deployment.all_keys() == _keys(0, 1, 3, 4)


def test_an_index_of_another_shape_is_not_the_vectors_fault(deployment: Deployment) -> None:
    """It refuses everything: nobody is told that a vector was refused, and it is not asked 250 times."""
    place = {"vectorBucketName": "vectors", "indexName": "embeddings-1024d"}
    deployment.s3vectors.delete_index(**place)
    deployment.s3vectors.create_index(**place, dataType="float32", dimension=512, distanceMetric="cosine")
    told = Told()

    with (
        deployment.record("s3vectors") as calls,
        pytest.raises(IndexMismatch, match="dimension 512, needed 1024"),
    ):
        _write(deployment.store, make_vectors(50), told=told)

    assert (told.good, told.bad) == ([], {})
    assert len([call for call in calls if call.operation == "PutVectors"]) == 4


@pytest.mark.parametrize(
    ("fault", "lasting"),
    [
        ({"code": "TooManyRequestsException", "status": 429}, False),
        ({"code": "ServiceUnavailableException", "status": 503}, False),
        ({"drop_connection": True}, False),
        ({"code": "AccessDeniedException", "status": 403}, True),
        ({"code": "NotFoundException", "status": 404}, True),
        ({"code": "KmsDisabledException", "status": 400}, True),
        ({"code": "ServiceQuotaExceededException", "status": 402}, True),
    ],
    ids=lambda value: value.get("code", "dropped") if isinstance(value, dict) else "",
)
def test_an_error_is_no_refusal(deployment: Deployment, fault: dict[str, Any], lasting: bool) -> None:
    """Every vector of the batch broke; when it is the deployment's fault, that is known for the rest."""
    deployment.put_faults({"operation": "s3vectors.PutVectors", "index": "embeddings-256d", **fault})

    told, writer = _write(deployment.store, make_vectors(3))

    assert (told.good, told.bad, len(told.errors)) == ([], {}, 3)
    assert isinstance(writer.fault, ClientError) == lasting


def test_one_batchs_error_is_not_the_others(deployment: Deployment) -> None:
    """The batch before and the one after are stored."""
    deployment.put_faults(
        {"operation": "s3vectors.PutVectors", "index": "embeddings-3072d", "drop_connection": True}
    )

    told, _ = _write(deployment.store, make_vectors(2 * BATCH_ROWS + 5))

    assert len(told.errors) == BATCH_ROWS or len(told.errors) == 5
    assert len(told.good) + len(told.errors) == 2 * BATCH_ROWS + 5


def test_a_batch_takes_one_turn_for_all_indexes(deployment: Deployment) -> None:
    """A vector more in each of the four is what a segment costs."""
    slept: list[float] = []
    pacer = Pacer(OwnTimeline(), 1000, clock=lambda: 1.8e9, sleep=slept.append)

    _write(replace(deployment.store, pacer=pacer), make_vectors(BATCH_ROWS + 10))
    replace(deployment.store, pacer=pacer).delete(f"k{number}" for number in range(20))

    assert slept == pytest.approx([0.25, 0.26], abs=1e-3)


def test_memory_does_not_grow_with_the_number_of_vectors() -> None:
    """A few batches, however many go through."""
    with listen(keep=False) as wire:
        store = VectorStore(open_client(wire.url, "s3vectors"), "vectors", make_settings().space)
        _write(store, make_vectors(1))  # what is loaded once
        peaks = [_peak(store, count) for count in (4 * BATCH_ROWS, 16 * BATCH_ROWS)]

    # How many batches are under way at the peak is the threads' affair; all of them would be four times as many.
    assert peaks[1] < 2 * peaks[0]


def _peak(store: VectorStore, count: int) -> int:
    vector = make_vectors(1)[0]
    tracemalloc.start()
    try:
        told, _ = _write(store, (vector.copy() for _ in range(count)))
        assert len(told.good) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
