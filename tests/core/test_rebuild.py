"""Indexes rebuilt from the 3072-d ones: nothing is asked of the model, and nothing older outlives what is newer."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError
from core.builders import make_settings
from core.deployment import Deployment
from core.rebuilding import (
    LONG,
    RUN,
    all_etags,
    count_model_calls,
    embed_long,
    embed_three,
    lose,
    rebuild,
    take_snapshot,
)
from core.stocked import compare, put

from nova_mme.errors import BadSetting, IndexMismatch
from nova_mme.ledger import Ledger
from nova_mme.migration.copying import Copying, SourceCount
from nova_mme.pace import OwnTimeline, Pacer
from nova_mme.row import Status
from nova_mme.space import DIMENSIONS
from nova_mme.vector_writer import BATCH_ROWS


@pytest.mark.parametrize("dimensions", [(256,), (384,), (1024,), (256, 384, 1024)], ids=str)
def test_lost_indexes_come_back(deployment: Deployment, dimensions: Sequence[int]) -> None:
    """The same keys and metadata, vectors equal within float32's rounding, and not one call to the model."""
    embed_three(deployment)
    before = {dimension: take_snapshot(deployment, dimension) for dimension in DIMENSIONS}
    calls = count_model_calls(deployment)
    lose(deployment, *dimensions)

    counts = rebuild(deployment).from_vectors(dimensions)

    assert counts == {"sources": 3} | {f"vectors_{n}": len(before[n]) for n in dimensions}
    for dimension in DIMENSIONS:
        after = take_snapshot(deployment, dimension)
        assert after.keys() == before[dimension].keys()
        for key, (vector, metadata) in before[dimension].items():
            np.testing.assert_allclose(after[key][0], vector, rtol=0, atol=1e-6)
            assert after[key][1] == metadata
    assert count_model_calls(deployment) == calls
    assert compare(deployment).kinds == {}


def test_metadata_names_the_dimension_once(deployment: Deployment) -> None:
    """Which of two equal names counts is anybody's guess."""
    embed_long(deployment)

    with deployment.record("s3vectors") as calls:
        rebuild(deployment).from_vectors([256])

    (batch,) = (call.params["vectors"] for call in calls if call.operation == "PutVectors")
    assert batch.encode().count(b'"embeddingDimension":') == len(batch) == 3


def test_a_rebuild_can_be_run_again(deployment: Deployment) -> None:
    """Over an index that is there: the second time changes nothing."""
    embed_three(deployment)
    first = rebuild(deployment).from_vectors([256])
    before = take_snapshot(deployment, 256)

    assert rebuild(deployment).from_vectors([256]) == first

    after = take_snapshot(deployment, 256)
    assert {key: (vector.tobytes(), metadata) for key, (vector, metadata) in after.items()} == {
        key: (vector.tobytes(), metadata) for key, (vector, metadata) in before.items()
    }


@pytest.mark.parametrize(
    ("dimensions", "message"),
    [
        ([3072], "from the outputs"),
        ([256, 3072], "from the outputs"),
        ([512], "256, 384, 1024, 3072"),
        ([], "256, 384, 1024, 3072"),
    ],
)
def test_a_dimension_that_cannot_be(deployment: Deployment, dimensions: list[int], message: str) -> None:
    """The 3072-d vectors come from nowhere else, and the model was trained at four dimensions."""
    with pytest.raises(BadSetting, match=message):
        rebuild(deployment).from_vectors(dimensions)


def test_nothing_to_copy_from(deployment: Deployment) -> None:
    """The 3072-d index is lost: said at once, and none is created."""
    lose(deployment, *DIMENSIONS)

    with pytest.raises(BadSetting, match="no index vectors/embeddings-3072d to copy from"):
        rebuild(deployment).from_vectors([256])

    assert deployment.s3vectors.list_indexes(vectorBucketName="vectors")["indexes"] == []


def test_another_spaces_ledger_is_refused(deployment: Deployment) -> None:
    """It would tell of none of the vectors."""
    other = make_settings(model_revision="other").space
    wrong = replace(rebuild(deployment), ledger=Ledger(deployment.dynamodb, "ledger", other))

    with pytest.raises(BadSetting, match="nova-2-mme-v1-0-test's, the ledger is nova-2-mme-v1-0-other's"):
        wrong.from_vectors([256])


def test_an_index_of_another_shape_is_left_alone(deployment: Deployment) -> None:
    """It may be somebody's."""
    lose(deployment, 1024)
    place = {"vectorBucketName": "vectors", "indexName": "embeddings-1024d"}
    deployment.s3vectors.create_index(**place, dataType="float32", dimension=512, distanceMetric="cosine")

    with pytest.raises(IndexMismatch, match="dimension 512, needed 1024"):
        rebuild(deployment).from_vectors([1024])


def test_another_spaces_vectors_are_refused_by_name(deployment: Deployment) -> None:
    """They would never be told from our own again."""
    source = embed_long(deployment)
    lose(deployment, 256)
    vector = deployment.vector(3072, f"{source.object_id}/TEXT/1")
    vector["metadata"]["space"] = "nova-3"
    deployment.s3vectors.put_vectors(
        vectorBucketName="vectors", indexName=deployment.index(3072), vectors=[vector]
    )

    with pytest.raises(IndexMismatch, match=r"vectors/embeddings-3072d holds vectors of the space 'nova-3'"):
        rebuild(deployment).from_vectors([256])


def test_what_is_nobodys_is_left(deployment: Deployment) -> None:
    """Foreign keys, a vector of no source, and one beyond the end of its source are not copied."""
    source = embed_long(deployment)
    keys = deployment.all_keys()
    put(deployment, 3072, "somebody's", f"gone-{'0' * 16}/TEXT/0", f"{source.object_id}/TEXT/3", etag="x")
    lose(deployment, 256)

    counts = rebuild(deployment).from_vectors([256])

    assert counts == {"vectors_256": 3, "sources": 1, "foreign": 1, "orphans": 2}
    assert deployment.keys(256) == keys


def test_a_failed_sources_earlier_vectors_are_copied(deployment: Deployment) -> None:
    """A newer version failed: what is searched until it is mended is the earlier one, in all indexes."""
    source = embed_long(deployment)
    deployment.upload("a.txt", b"\x00\x01\x02 not a text \xff\xfe")
    deployment.embed(RUN)
    assert deployment.row(source).status is Status.FAILED
    lose(deployment, 384)

    assert rebuild(deployment).from_vectors([384]) == {"vectors_384": 3, "sources": 1}

    assert len(deployment.all_keys()) == 3


def test_a_stale_vector_is_not_copied(deployment: Deployment) -> None:
    """The ledger says that another version is stored: a later run stores it from its own job."""
    source = embed_long(deployment)
    put(deployment, 3072, f"{source.object_id}/TEXT/0", etag="older")
    lose(deployment, 256)

    assert rebuild(deployment).from_vectors([256]) == {"vectors_256": 2, "sources": 1, "reopened": 1}

    assert [outcome.status for outcome in deployment.embed(RUN)] == ["stored"]
    assert (all_etags(deployment), len(deployment.all_keys())) == ({source.etag}, 3)
    assert deployment.jobs_started() == 1


def test_calls_are_full_and_take_their_turn(deployment: Deployment) -> None:
    """A put costs as much as 128 KB, and the index takes so many vectors a second."""
    deployment.upload("a.txt", LONG * 110)
    (outcome,) = deployment.embed(RUN)
    assert BATCH_ROWS < outcome.segments["TEXT"] < 2 * BATCH_ROWS
    lose(deployment, 256)
    slept: list[float] = []
    pacer = Pacer(OwnTimeline(), 1000, clock=lambda: 1.8e9, sleep=slept.append)
    before = deployment.calls("s3vectors.PutVectors")

    counts = replace(rebuild(deployment), store=replace(deployment.store, pacer=pacer)).from_vectors([256])

    assert counts["vectors_256"] == outcome.segments["TEXT"]
    assert deployment.calls("s3vectors.PutVectors") == before + 2
    assert slept == pytest.approx([0.25])


@pytest.mark.parametrize(
    "operation", ["s3vectors.PutVectors", "s3vectors.GetVectors", "s3vectors.ListVectors"]
)
def test_a_rebuild_that_breaks_off_is_run_again(deployment: Deployment, operation: str) -> None:
    """The error is told, and the next try finishes."""
    embed_three(deployment)
    keys = deployment.all_keys()
    lose(deployment, 256)
    deployment.put_faults(
        {"operation": operation, "code": "InternalServerException", "status": 500, "times": 1}
    )

    with pytest.raises(ClientError):
        rebuild(deployment).from_vectors([256])
    rebuild(deployment).from_vectors([256])

    assert deployment.all_keys() == keys


@dataclass
class _Endless:
    """A 3072-d index of this many pages: one source's segments.

    :ivar lag: how many pages were read at most and not looked at again.
    """

    object_id: str
    about: dict[str, Any]
    pages_left: int
    name: str = "endless"
    checked: int = 0
    lag: int = 0

    def pages(self, **_: Any) -> Iterator[list[dict[str, Any]]]:
        """As VectorIndex.pages gives them."""
        for page in range(self.pages_left):
            keys = [f"{self.object_id}/TEXT/{100 * page + number}" for number in range(100)]
            self.lag = max(self.lag, page - self.checked)
            yield [{"key": key, "metadata": self.about, "data": {"float32": [0.5] * 3072}} for key in keys]

    def get(self, keys: Any, **_: Any) -> Iterator[dict[str, Any]]:
        """As VectorIndex.get gives them."""
        self.checked += 1
        return ({"key": key, "metadata": self.about} for key in keys)


def test_memory_does_not_grow_with_the_index(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some pages, however many there are."""
    source = embed_long(deployment)
    deployment.ledger.reach(source, "TEXT", 100_000)
    about = deployment.vector(3072, f"{source.object_id}/TEXT/0")["metadata"]
    peaks = []
    for pages in (1, 15, 60):
        endless = _Endless(source.object_id, about, pages)
        monkeypatch.setattr(Copying, "_index", endless)
        monkeypatch.setattr("nova_mme.store.VectorStore.put", lambda self, dimension, batch: len(batch))
        tracemalloc.start()
        assert rebuild(deployment).from_vectors([256])["vectors_256"] == 100 * pages
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert endless.lag * 100 <= 4 * BATCH_ROWS

    assert peaks[2] < 1.5 * peaks[1]


def test_sources_are_counted_once() -> None:
    """However often they come."""
    count = SourceCount()
    for _ in range(3):
        count.add(f"a-{number:016x}" for number in range(50_000))

    assert len(count) == 50_000
