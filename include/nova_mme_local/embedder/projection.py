"""From features of any number to 3072 coordinates: signed random projections that need no training and no seed file.

Every feature has a name, and the bits of SHAKE-256(name) are its 3072 signs. A vector is the weighted sum of
its features' signs. Each coordinate is thus an independent projection of the same features (Achlioptas,
"Database-friendly random projections", 2003), so the cosine over the first N coordinates estimates the
features' cosine with an error of about 1/sqrt(N): truncation works as with a Matryoshka model.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nova_mme_local.embedder import DIMENSION

Vector = NDArray[np.float64]

_ROWS = 256  # of signs unpacked at a time: 3 MiB as float32


@dataclass(frozen=True, slots=True)
class Projection:
    """One space: vectors of two seeds are unrelated, whatever they were made of."""

    seed: str

    def spread(self, block: str, features: Vector) -> Vector:
        """Project a feature vector of fixed length; `block` names the kind of features. Unit norm."""
        return normalise(_add_up(_to_whole(features), _draw_matrix(f"{self.seed}/{block}", len(features))))

    def spread_names(self, weights: Mapping[str, float]) -> Vector:
        """Project weighted names (words, say), of which there is no fixed list. Unit norm."""
        counts = _to_whole(np.fromiter(weights.values(), np.float64, len(weights)))
        names = list(weights)
        total = np.zeros(DIMENSION, np.float32)
        for start in range(0, len(names), _ROWS):
            rows = [_draw_signs(f"{self.seed}/{name}") for name in names[start : start + _ROWS]]
            total += _add_up(counts[start : start + _ROWS], _unpack_signs(rows))
        return normalise(total)


def normalise(vector: ArrayLike) -> Vector:
    """Scale to L2 norm 1, in float64; a vector of zeros stays as it is."""
    values = np.asarray(vector, np.float64)
    norm = float(np.sqrt(values @ values))
    return values / norm if norm > 1e-12 else values


def take_prefix(vector: Vector, dimension: int) -> NDArray[np.float32]:
    """Return the first `dimension` coordinates of a 3072-d vector at unit norm, as the API answers them.

    The 3072-d answer is rounded to float32 first: whoever truncates and renormalises it gets this very vector.
    """
    full = normalise(vector).astype(np.float32)
    return full if dimension == DIMENSION else normalise(full[:dimension]).astype(np.float32)


def join_blocks(*blocks: tuple[float, ArrayLike]) -> Vector:
    """Concatenate (weight, features) blocks, each at unit norm before its weight: none outshouts the others."""
    return np.concatenate([weight * normalise(np.ravel(features)) for weight, features in blocks])


def centre(values: ArrayLike) -> Vector:
    """Subtract the mean: without it, all histograms point the same way."""
    flat = np.ravel(np.asarray(values, np.float64))
    return flat - flat.mean()


def _to_whole(weights: Vector) -> NDArray[np.float32]:
    """Scale and round to whole numbers whose sums stay below 2**24.

    float32 adds such numbers exactly, so that the order of summation changes no bit of the result.
    """
    total = float(np.abs(weights).sum())
    if total == 0:
        return np.zeros(len(weights), np.float32)
    scale = 2.0 ** (22 - math.ceil(math.log2(total)))
    return np.rint(weights * scale).astype(np.float32)


def _add_up(counts: NDArray[np.float32], signs: NDArray[np.float32]) -> NDArray[np.float32]:
    # Not `@`: BLAS would share this out to threads that wait for one another whenever the machine is busy.
    total: NDArray[np.float32] = np.einsum("i,ij->j", counts, signs)
    return total


@functools.lru_cache(maxsize=40_000)  # 20 MB
def _draw_signs(name: str) -> bytes:
    return hashlib.shake_256(name.encode()).digest(DIMENSION // 8)


@functools.lru_cache(maxsize=16)
def _draw_matrix(name: str, rows: int) -> NDArray[np.float32]:
    return _unpack_signs(
        [hashlib.shake_256(f"{name}/{row}".encode()).digest(DIMENSION // 8) for row in range(rows)]
    )


def _unpack_signs(rows: Sequence[bytes]) -> NDArray[np.float32]:
    bits = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), DIMENSION // 8)
    return np.unpackbits(bits, axis=1).astype(np.float32) * 2 - 1
