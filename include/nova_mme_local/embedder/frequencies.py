"""The cosine transform that pictures and spectrograms share."""

from __future__ import annotations

import functools
import math

import numpy as np

from nova_mme_local.embedder.projection import Vector


def take_low_frequencies(plane: Vector, keep: tuple[int, int]) -> Vector:
    """Return the lowest frequencies of a plane (2-D DCT) without its mean; signed square roots, shape `keep`."""
    rows, columns = plane.shape
    low = (_build_cosines(rows)[: keep[0]] @ plane) @ _build_cosines(columns)[: keep[1]].T
    low[0, 0] = 0
    return np.sign(low) * np.sqrt(np.abs(low))


@functools.cache
def _build_cosines(size: int) -> Vector:
    """The orthonormal DCT-II matrix."""
    wave = np.arange(size)[:, np.newaxis]
    matrix = np.cos(np.pi * wave * (2 * np.arange(size) + 1) / (2 * size)) * math.sqrt(2 / size)
    matrix[0] /= math.sqrt(2)
    return matrix
