"""Truncate a 3072-d embedding to a smaller dimension and renormalise it.

Nova's embeddings are trained with Matryoshka Representation Learning (Kusupati et al., 2022): the first N
coordinates are an N-dimensional embedding. A truncated unit vector is no longer a unit vector, hence the
renormalisation; at 3072 it is a no-op up to rounding, done all the same so that all indexes follow one path.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Rows done at a time: the float64 quotient of a whole block would cost more in page faults than in arithmetic.
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
        block = matrix[start : start + _ROWS, :dimension]
        norms = np.sqrt(np.einsum("ij,ij->i", block, block))[:, np.newaxis]
        np.divide(block, norms, out=result[start : start + _ROWS], casting="same_kind")
    return result
