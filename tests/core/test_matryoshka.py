"""Matryoshka truncation: unit norm at every dimension, and the very values that S3 Vectors would store."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from core.builders import make_vectors
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nova_mme.matryoshka import truncate
from nova_mme.space import DIMENSIONS

_MATRICES = st.builds(
    lambda count, seed, scale: make_vectors(count, seed=seed) * scale,
    st.integers(1, 70),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1.0, 1e-30, 1e-3, 7.0, 1e30]),
)


def _formula(row: NDArray[np.float64], dimension: int) -> NDArray[np.float32]:
    """One row, in float64, rounded once."""
    head = row[:dimension]
    return (head / np.sqrt(np.einsum("i,i->", head, head))).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(_MATRICES, st.sampled_from(DIMENSIONS))
def test_every_row_has_unit_norm(matrix: NDArray[np.float64], dimension: int) -> None:
    """Whatever the input's length, and however many rows are done at once."""
    norms = np.linalg.norm(truncate(matrix, dimension).astype(np.float64), axis=1)

    np.testing.assert_allclose(norms, 1.0, atol=1e-6, rtol=0)


@settings(max_examples=25, deadline=None)
@given(_MATRICES, st.sampled_from(DIMENSIONS))
def test_every_value_is_the_float64_quotient_rounded_once(
    matrix: NDArray[np.float64], dimension: int
) -> None:
    """Within one unit in the last place of float32, with the norm summed exactly; almost always the same bits."""
    result = truncate(matrix, dimension)
    heads = matrix[:, :dimension].astype(np.longdouble)
    exact = (heads / np.sqrt((heads * heads).sum(axis=1, keepdims=True))).astype(np.float32)

    np.testing.assert_array_max_ulp(result, exact, maxulp=1)
    assert (result.view(np.uint32) == exact.view(np.uint32)).mean() > 0.999


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("count", [1, 31, 32, 33, 250])
def test_the_bits_are_those_of_the_formula(count: int, dimension: int) -> None:
    """A row's bits do not depend on the rows beside it."""
    matrix = make_vectors(count, seed=count)

    expected = np.stack([_formula(row, dimension) for row in matrix])
    np.testing.assert_array_equal(truncate(matrix, dimension).view(np.uint32), expected.view(np.uint32))


@settings(max_examples=25, deadline=None)
@given(_MATRICES)
def test_a_smaller_vector_is_a_prefix_of_the_larger(matrix: NDArray[np.float64]) -> None:
    """The same direction, cut: the larger one's beginning, rescaled, is the smaller one."""
    full = truncate(matrix, 3072).astype(np.float64)
    for dimension in DIMENSIONS:
        head = full[:, :dimension]
        expected = head / np.linalg.norm(head, axis=1, keepdims=True)
        np.testing.assert_allclose(truncate(matrix, dimension), expected, atol=1e-6, rtol=0)


def test_the_result_is_ready_for_the_wire() -> None:
    """float32, C-contiguous, of the asked shape; the input is left as it was."""
    matrix = make_vectors(40)
    before = matrix.copy()
    for dimension in DIMENSIONS:
        result = truncate(matrix, dimension)
        assert (result.dtype, result.shape) == (np.float32, (40, dimension))
        assert result.flags.c_contiguous
    np.testing.assert_array_equal(matrix, before)


def test_a_unit_vector_stays_what_it_is_at_full_length() -> None:
    """Renormalising at 3072 changes no more than the rounding to float32 does."""
    matrix = make_vectors(10)

    np.testing.assert_allclose(truncate(matrix, 3072), matrix, atol=1e-7, rtol=0)


def test_no_rows_give_no_rows() -> None:
    """An empty block is no error, and no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert truncate(np.empty((0, 3072)), 256).shape == (0, 256)
