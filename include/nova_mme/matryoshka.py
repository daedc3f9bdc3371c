"""Truncate a 3072-d embedding to a smaller dimension and renormalise it.

Nova's embeddings are trained with Matryoshka Representation Learning (Kusupati et al., 2022): the first N
coordinates are an N-dimensional embedding. A truncated unit vector is no longer a unit vector, hence the
renormalisation; at 3072 it is a no-op up to rounding, done all the same so that all indexes follow one path.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nova_mme.space import DIMENSIONS

# Rows done at a time: they stay in the processor's cache, and float64 quotients of more of them would cost more in
# page faults than in arithmetic.
_ROWS = 32


def truncate(matrix: NDArray[np.float64], dimension: int) -> NDArray[np.float32]:
    """The first ``dimension`` coordinates of every row, at unit L2 norm.

    Norm and division are in float64 and the result is rounded once to float32: the very values that S3
    Vectors stores when it is sent the float64 ones.

    :param matrix: float64, shape (n, 3072); no row's prefix may be all zero.
    :returns: float32, C-contiguous, shape (n, dimension).
    """
    result = np.empty((len(matrix), dimension), dtype=np.float32)
    for start in range(0, len(matrix), _ROWS):
        _divide(matrix[start : start + _ROWS, :dimension], result[start : start + _ROWS])
    return result


def truncate_all(vectors: Sequence[NDArray[np.float64]]) -> dict[int, NDArray[np.float32]]:
    """:func:`truncate` at each of a space's dimensions, for vectors that lie apart; the same bits.

    :param vectors: float64, shape (3072,) each.
    """
    results = {dimension: np.empty((len(vectors), dimension), dtype=np.float32) for dimension in DIMENSIONS}
    for start in range(0, len(vectors), _ROWS):
        matrix = np.stack(vectors[start : start + _ROWS])
        for dimension, result in results.items():
            _divide(matrix[:, :dimension], result[start : start + _ROWS])
    return results


def _divide(rows: NDArray[np.float64], out: NDArray[np.float32]) -> None:
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, np.newaxis]
    np.divide(rows, norms, out=out, casting="same_kind")
