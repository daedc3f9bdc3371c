"""Soundness of a space's vectors: length, truncation, and which of them are looked at."""

from __future__ import annotations

import numpy as np
import pytest
from core.builders import make_vectors
from core.deployment import Deployment
from core.two_spaces import NEXT, TwoSpaces, describe, put, start, store

from nova_mme.errors import BadSetting, IndexMismatch
from nova_mme.migration.norms import NormCheck
from nova_mme.source import Source
from nova_mme.space import DIMENSIONS
from nova_mme.vector_batch import VectorBatch

_COUNT = 12
_VECTORS = make_vectors(_COUNT)


@pytest.fixture
def two(deployment: Deployment) -> TwoSpaces:
    """A new space with twelve sound sources."""
    two = TwoSpaces(deployment)
    two.new.store.ensure()
    two.sources = [two.upload(f"{number}.txt", "text") for number in range(_COUNT)]
    store(two.new, two.sources, _VECTORS)
    return two


def _key(source: Source) -> str:
    return f"{source.object_id}/TEXT/0"


def test_what_the_pipeline_stores_is_sound(two: TwoSpaces) -> None:
    """Within float32's rounding, far below the bars."""
    for norms in NormCheck(two.new, 1e-3).run().values():
        assert (norms.vectors, norms.off, norms.untrue) == (_COUNT, 0, 0)
        assert norms.max_error < 1e-6
        assert norms.max_truncation_error < 1e-6


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_vector_of_another_length_is_off(two: TwoSpaces, dimension: int) -> None:
    """In the index that it is in, by as much as it is; it counts as one fault, not as two."""
    put(two.new, two.sources[:1], _VECTORS[:1], dimensions=[dimension], scale=1.01)

    found = NormCheck(two.new, 1e-3).run()

    assert {name: norms.off for name, norms in found.items() if norms.off} == {dimension: 1}
    assert found[dimension].max_error == pytest.approx(0.01, abs=1e-6)
    assert found[dimension].off_keys == [_key(two.sources[0])]
    assert {name: norms.untrue for name, norms in found.items() if norms.untrue} == {}


def test_the_bar_is_the_callers(two: TwoSpaces) -> None:
    """What is below it is no fault."""
    put(two.new, two.sources[:1], _VECTORS[:1], dimensions=[256], scale=1.01)

    assert NormCheck(two.new, 0.02).run()[256].off == 0


@pytest.mark.parametrize("dimension", DIMENSIONS[:-1])
def test_a_vector_that_is_another_ones_is_untrue(two: TwoSpaces, dimension: int) -> None:
    """Of unit length, and not the beginning of the full one."""
    put(two.new, two.sources[:1], _VECTORS[1:2], dimensions=[dimension])

    found = NormCheck(two.new, 1e-3).run()

    assert {name: norms.untrue for name, norms in found.items() if norms.untrue} == {dimension: 1}
    assert found[dimension].untrue_keys == [_key(two.sources[0])]


def test_a_vector_that_is_being_replaced_is_not_judged(two: TwoSpaces) -> None:
    """One index was read before the store came to it, another after."""
    put(two.new, two.sources[:1], _VECTORS[1:2], dimensions=[256])
    start(two.new, two.sources[0])

    assert NormCheck(two.new, 1e-3).run()[256].untrue == 0


def test_a_full_vector_that_begins_with_zeros_has_no_truncation(two: TwoSpaces) -> None:
    """Nothing can be the beginning of it; no warning, either."""
    vector = np.zeros((1, 3072))
    vector[0, 2000] = 1.0
    put(two.new, two.sources[:1], vector, dimensions=[3072])

    found = NormCheck(two.new, 1e-3).run()

    assert [found[dimension].untrue for dimension in DIMENSIONS] == [1, 1, 1, 0]


def test_so_many_are_looked_at_as_are_wanted(two: TwoSpaces) -> None:
    """The same ones again, unless another seed is given; keys of no source are passed over."""
    matrix = np.eye(1, 3072, dtype=np.float32)
    two.new.store.put(3072, VectorBatch(["foreign"], matrix, [{}]))

    assert NormCheck(two.new, 1e-3, size=100).run()[3072].vectors == _COUNT
    assert {norms.vectors for norms in NormCheck(two.new, 1e-3, size=5).run().values()} == {5}


def test_a_hole_is_no_matter_of_norms(two: TwoSpaces) -> None:
    """It is found elsewhere; what is there is measured."""
    two.deployment.s3vectors.delete_vectors(
        vectorBucketName="vectors", indexName=NEXT.index_name(384), keys=[_key(two.sources[0])]
    )

    counts = {name: norms.vectors for name, norms in NormCheck(two.new, 1e-3).run().items()}

    assert counts == {256: _COUNT, 384: _COUNT - 1, 1024: _COUNT, 3072: _COUNT}


def test_vectors_of_another_space_are_refused(two: TwoSpaces) -> None:
    """They say of which space they are."""
    source = two.sources[0]
    about = {**describe(two.new, source), "space": "other"}
    two.new.store.put(256, VectorBatch([_key(source)], np.eye(1, 256, dtype=np.float32), [about]))

    with pytest.raises(IndexMismatch, match="'other'"):
        NormCheck(two.new, 1e-3).run()


def test_a_missing_index_is_named(two: TwoSpaces) -> None:
    """Rather than called sound."""
    two.deployment.s3vectors.delete_index(vectorBucketName="vectors", indexName=NEXT.index_name(3072))

    with pytest.raises(BadSetting, match="3072d"):
        NormCheck(two.new, 1e-3).run()
