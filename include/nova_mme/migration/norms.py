"""Soundness of a space's vectors, by a sample: unit length, and the smaller ones cut from the full one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nova_mme.matryoshka import truncate
from nova_mme.migration.coverage import NAMED, Side
from nova_mme.migration.draw import Draw
from nova_mme.row import Status
from nova_mme.space import DIMENSIONS, FULL_DIMENSION
from nova_mme.store import require_space
from nova_mme.vector_index import VectorIndex
from nova_mme.vector_key import VectorKey

# What is stored is float32, computed in float64 and rounded once: a coordinate is off by 6e-8 at the most.
MAX_TRUNCATION_ERROR = 1e-5
# As many as one GetVectors takes: 100 full vectors are 6 MB of JSON, and 10 MB of Python floats.
_AT_A_TIME = 100

Matrix = NDArray[np.float64]


@dataclass(slots=True)
class Norms:
    """What was measured of one index.

    :ivar vectors: how many of the sample were there.
    :ivar max_error: the largest | ||v|| - 1 |.
    :ivar off: how many are over the bar; ``off_keys``: the first twenty.
    :ivar max_truncation_error: the largest difference of a coordinate from the full vector's, truncated.
    :ivar untrue: how many differ by more than 1e-5; ``untrue_keys``: the first twenty.
    """

    dimension: int
    vectors: int = 0
    max_error: float = 0.0
    off: int = 0
    max_truncation_error: float = 0.0
    untrue: int = 0
    off_keys: list[str] = field(default_factory=list)
    untrue_keys: list[str] = field(default_factory=list)

    def add_norms(self, vectors: Mapping[str, Matrix], max_error: float) -> set[str]:
        """Measure the length of vectors; returns the keys of those that are over the bar.

        :param vectors: float64, shape (dimension,), by key.
        """
        errors = {key: abs(float(np.linalg.norm(vector)) - 1.0) for key, vector in vectors.items()}
        off = [key for key, error in errors.items() if error > max_error]
        self.vectors += len(vectors)
        self.max_error = max(self.max_error, *errors.values(), 0.0)
        self.off += len(off)
        self.off_keys += off[: NAMED - len(self.off_keys)]
        return set(off)

    def add_difference(self, key: str, error: float) -> None:
        """Take up how far a vector is from the truncated full one."""
        self.max_truncation_error = max(self.max_truncation_error, error)
        if error > MAX_TRUNCATION_ERROR:
            self.untrue += 1
            self.untrue_keys += [key][: NAMED - len(self.untrue_keys)]


@dataclass(frozen=True, slots=True)
class NormCheck:
    """Measures a sample of a space's vectors.

    :ivar size: how many keys are drawn from the listing of the full index, all eight segments of it, with equal
        chances. The listing takes one call per 1,000 vectors, the sample 1/25 of a call per key.
    """

    side: Side
    max_error: float
    size: int = 1000
    seed: int = 0

    def run(self) -> dict[int, Norms]:
        """Norms by dimension.

        :raises IndexMismatch: when a vector of the sample says that it is of another space.
        :raises BadSetting: when an index is missing.
        """
        norms = {dimension: Norms(dimension) for dimension in DIMENSIONS}
        keys = self._draw()
        for start in range(0, len(keys), _AT_A_TIME):
            self._measure(keys[start : start + _AT_A_TIME], norms)
        return norms

    def _draw(self) -> list[str]:
        draw: Draw[str] = Draw(self.size, self.seed)
        for page in self._index(FULL_DIMENSION).pages():
            for vector in page:
                if VectorKey.parse(vector["key"]):
                    draw.offer(vector["key"], vector["key"])
        return draw.take()

    def _index(self, dimension: int) -> VectorIndex:
        return VectorIndex.of(self.side.store, dimension)

    def _measure(self, keys: list[str], norms: Mapping[int, Norms]) -> None:
        full = self._get(keys, FULL_DIMENSION)
        norms[FULL_DIMENSION].add_norms(full, self.max_error)
        for dimension in DIMENSIONS:
            if dimension == FULL_DIMENSION:
                continue
            vectors = self._get(keys, dimension)
            for key in norms[dimension].add_norms(
                vectors, self.max_error
            ):  # told already: it has one fault, not two
                del vectors[key]
            errors = _differ(full, vectors, dimension)
            for key in self._leave_moving(
                key for key, error in errors.items() if error > MAX_TRUNCATION_ERROR
            ):
                del errors[key]
            for key, error in errors.items():
                norms[dimension].add_difference(key, error)

    def _get(self, keys: list[str], dimension: int) -> dict[str, Matrix]:
        index = self._index(dimension)
        found = list(index.get(keys, data=True, metadata=dimension == DIMENSIONS[0]))
        require_space(found, self.side.store.space, f"{index.bucket}/{index.name}")
        return {vector["key"]: _read(vector) for vector in found}

    def _leave_moving(self, keys: Iterable[str]) -> list[str]:
        """Those that are being replaced: one index has been read before the store reached it, another after."""
        parsed = [key for key in map(VectorKey.parse, keys) if key]
        rows = self.side.ledger.rows(parsed)
        settled = {name for name, row in rows.items() if row.status in (Status.STORED, Status.PARTIAL)}
        return [str(key) for key in parsed if key.object_id not in settled]


def _read(vector: Mapping[str, Any]) -> Matrix:
    return np.asarray(vector["data"]["float32"], dtype=np.float64)


def _differ(full: Mapping[str, Matrix], vectors: Mapping[str, Matrix], dimension: int) -> dict[str, float]:
    """How far each vector is from the full one, truncated: the largest difference of a coordinate."""
    keys = [key for key in vectors if key in full]
    if not keys:
        return {}
    # A full vector that begins with zeros has no truncation: the difference is not a number, and counts as one.
    with np.errstate(invalid="ignore", divide="ignore"):
        cut = truncate(np.stack([full[key] for key in keys]), dimension)
    stored = np.stack([vectors[key] for key in keys])
    errors = np.nan_to_num(np.abs(stored - cut).max(axis=1), nan=2.0)
    return dict(zip(keys, errors.tolist(), strict=True))
