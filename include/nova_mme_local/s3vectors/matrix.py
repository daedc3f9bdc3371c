"""The vectors of one index: float32 rows that grow in place, and an exact search over them.

Amazon S3 Vectors searches approximately ("Querying vectors" of its user guide); locally the search is exact,
so a test can say which neighbours must come back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Metadata = Mapping[str, Any]
Accepts = Callable[[Metadata], bool]

FIRST_CAPACITY = 64
# Below this share of the rows, copying the accepted ones out is cheaper than multiplying them all.
GATHER_SHARE = 0.25
EUCLIDEAN_CHUNK = 256  # rows: keeps the differences in the processor's cache


@dataclass(frozen=True, slots=True)
class Record:
    """One stored vector; `data` is a float32 copy of length dimension, or None when it was not asked for."""

    key: str
    data: np.ndarray | None
    metadata: Metadata | None
    serial: int  # its place in the order of arrival


@dataclass(frozen=True, slots=True)
class Ranking:
    """The nearest keys, nearest first, and their distances (float32, same length)."""

    keys: tuple[str, ...]
    distances: np.ndarray


class Matrix:
    """Rows, norms, keys and metadata of one index; thread-safe, and strongly consistent."""

    def __init__(self, dimension: int, *, cosine: bool) -> None:
        self.dimension = dimension
        self._cosine = cosine
        self._lock = threading.Lock()
        self._rows = np.empty((FIRST_CAPACITY, dimension), np.float32)
        self._norms = np.empty(FIRST_CAPACITY, np.float32)
        self._serials = np.empty(FIRST_CAPACITY, np.int64)
        self._keys: list[str] = []
        self._metadata: list[Metadata | None] = []
        self._row_of: dict[str, int] = {}
        self._next_serial = 1

    def __len__(self) -> int:
        return len(self._keys)

    def put(self, keys: Sequence[str], rows: np.ndarray, metadata: Sequence[Metadata | None]) -> None:
        """Store float32 `rows` of shape (len(keys), dimension); a key that exists is replaced in its place."""
        norms = np.linalg.norm(rows, axis=1)
        with self._lock:
            places = np.array([self._place(key) for key in keys], np.intp)
            self._rows[places] = rows
            self._norms[places] = norms
            for place, document in zip(places, metadata, strict=True):
                self._metadata[place] = document

    def delete(self, keys: Iterable[str]) -> None:
        """Forget `keys`; unknown ones are no error. The last row moves into the gap."""
        with self._lock:
            for key in keys:
                row = self._row_of.pop(key, None)
                if row is not None:
                    self._fill_gap(row)

    def find(self, keys: Iterable[str], *, data: bool = False) -> list[Record]:
        """Return the records of `keys` that exist, in the order asked for, each once."""
        with self._lock:
            rows = (self._row_of[key] for key in dict.fromkeys(keys) if key in self._row_of)
            return [self._record(row, data=data) for row in rows]

    def scan(
        self, serial: int, *, segment: int, segments: int, limit: int, data: bool
    ) -> tuple[list[Record], bool]:
        """Return at most `limit` records of a segment that arrived after `serial`, and whether there are more."""
        with self._lock:
            serials = self._serials[: len(self._keys)]
            rows = np.flatnonzero((serials > serial) & (serials % segments == segment))
            rows = rows[np.argsort(serials[rows])]
            return [self._record(row, data=data) for row in rows[:limit].tolist()], len(rows) > limit

    def search(self, query: np.ndarray, count: int, accepts: Accepts | None = None) -> Ranking:
        """Rank the `count` nearest of the rows whose metadata is accepted; `query` is float32 (dimension,).

        Cosine distance is 1 - cos, between 0 and 2; Euclidean distance is the plain root ("straight-line").
        """
        with self._lock:
            total = len(self._keys)
            rows = None if accepts is None else self._accepted(accepts)
            if rows is None or len(rows) > total * GATHER_SHARE:
                distances = self._measure(self._rows[:total], self._norms[:total], query)
                distances = distances if rows is None else distances[rows]
            else:
                distances = self._measure(self._rows[rows], self._norms[rows], query)
            nearest = _pick_smallest(distances, count)
            places = nearest if rows is None else rows[nearest]
            return Ranking(tuple(self._keys[place] for place in places), distances[nearest])

    def _accepted(self, accepts: Accepts) -> np.ndarray:
        nothing: Metadata = {}
        found = (row for row, document in enumerate(self._metadata) if accepts(document or nothing))
        return np.fromiter(found, np.intp)

    def _measure(self, rows: np.ndarray, norms: np.ndarray, query: np.ndarray) -> np.ndarray:
        if self._cosine:
            cosines = rows @ query
            cosines /= norms * np.linalg.norm(query)
            distances: np.ndarray = np.subtract(1.0, cosines, dtype=np.float32)
            np.clip(distances, 0.0, 2.0, out=distances)  # rounding must not make one negative
            return distances
        distances = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), EUCLIDEAN_CHUNK):
            block = rows[start : start + EUCLIDEAN_CHUNK] - query
            distances[start : start + EUCLIDEAN_CHUNK] = np.sqrt(np.einsum("ij,ij->i", block, block))
        return distances

    def _record(self, row: int, *, data: bool) -> Record:
        copied = self._rows[row].copy() if data else None
        return Record(self._keys[row], copied, self._metadata[row], int(self._serials[row]))

    def _place(self, key: str) -> int:
        row = self._row_of.get(key)
        if row is not None:
            return row
        row = len(self._keys)
        if row == len(self._rows):
            self._grow()
        self._keys.append(key)
        self._metadata.append(None)
        self._row_of[key] = row
        self._serials[row] = self._next_serial
        self._next_serial += 1
        return row

    def _grow(self) -> None:
        capacity = 2 * len(self._rows)
        for name in ("_rows", "_norms", "_serials"):
            old = getattr(self, name)
            new = np.empty((capacity, *old.shape[1:]), old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)

    def _fill_gap(self, row: int) -> None:
        last = len(self._keys) - 1
        if row != last:
            self._keys[row], self._metadata[row] = self._keys[last], self._metadata[last]
            for array in (self._rows, self._norms, self._serials):
                array[row] = array[last]
            self._row_of[self._keys[row]] = row
        self._keys.pop()
        self._metadata.pop()


def _pick_smallest(distances: np.ndarray, count: int) -> np.ndarray:
    """Return the places of the `count` smallest distances in ascending order (ties: lower place first)."""
    if count < len(distances):
        candidates = np.sort(np.argpartition(distances, count - 1)[:count])
    else:
        candidates = np.arange(len(distances))
    return candidates[np.argsort(distances[candidates], kind="stable")]
