"""Vectors copied from a space's 3072-d index into its smaller ones, while the space lives on."""

from __future__ import annotations

import logging
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from nova_mme.ledger import Ledger
from nova_mme.migration.retreat import Retreat, find_extents
from nova_mme.reconcile import expectation
from nova_mme.reconcile.comparison import read_version
from nova_mme.row import Row, Status
from nova_mme.segment import Segment
from nova_mme.space import FULL_DIMENSION
from nova_mme.store import VectorStore, require_space
from nova_mme.vector_index import VectorIndex
from nova_mme.vector_key import VectorKey
from nova_mme.vector_writer import Entry, VectorWriter

log = logging.getLogger(__name__)

_DIMENSION = "embeddingDimension"  # each index's own


class SourceCount:
    """How many different sources there are, at 8 bytes each: the digest that an object id ends in stands for it."""

    def __init__(self) -> None:
        self._known = np.empty(0, np.uint64)
        self._new = array("Q")

    def add(self, object_ids: Iterable[str]) -> None:
        """Take up some."""
        self._new.extend(int(name[-16:], 16) for name in object_ids)
        if len(self._new) > len(self._known) + (1 << 16):
            self._sort_in()

    def __len__(self) -> int:
        self._sort_in()
        return len(self._known)

    def _sort_in(self) -> None:
        self._known = np.union1d(self._known, np.asarray(self._new, np.uint64))
        self._new = array("Q")


@dataclass(slots=True, eq=False)
class Copy:
    """A vector on its way into other indexes; the owner of its entry.

    :ivar read: what of its metadata changes whenever it is put anew.
    """

    key: VectorKey
    read: tuple[Any, ...]
    is_settled: bool = False
    has_landed: bool = False
    error: Exception | None = None

    def landed(self, segment: Segment) -> None:
        """It is in all of them."""
        self.is_settled = self.has_landed = True

    def refused(self, segment: Segment, message: str) -> None:
        """It will never be in all of them."""
        self.is_settled = True
        log.warning("%s was not copied: %s", self.key, message)

    def broke(self, error: Exception) -> None:
        """Nobody knows which indexes it is in."""
        self.is_settled, self.error = True, error


@dataclass(slots=True)
class Copying:
    """One pass over the 3072-d index; memory is that of some pages.

    :ivar counts: ``vectors_<dimension>``, sources, orphans, foreign, refused, and those of :class:`Retreat`.
    """

    store: VectorStore
    ledger: Ledger
    dimensions: Sequence[int]
    counts: Counter[str] = field(default_factory=Counter)
    _seen: SourceCount = field(default_factory=SourceCount)
    _error: Exception | None = None

    def run(self) -> None:
        """Copy what the ledger covers.

        :raises IndexMismatch: when the index holds another space's vectors.
        :raises ClientError: when something could not be read or put; another try begins anew.
        """
        waiting: list[list[Copy]] = []
        with VectorWriter(self.store, self.dimensions) as writer:
            try:
                for page in self._index.pages(metadata=True, data=True):
                    waiting.append(self._hand_over(page, writer))
                    waiting = self._check_settled(waiting)
                    if self._error:
                        break
            finally:  # whatever has stopped it: what was put is looked at again
                writer.drain()
                self._check_settled(waiting)
        if self._error:
            raise self._error
        self.counts["sources"] = len(self._seen)

    @property
    def _index(self) -> VectorIndex:
        return VectorIndex.of(self.store, FULL_DIMENSION)

    @property
    def _retreat(self) -> Retreat:
        return Retreat(self.store, self.ledger, self.dimensions, self.counts)

    def _hand_over(self, page: Sequence[Mapping[str, Any]], writer: VectorWriter) -> list[Copy]:
        """Have a page's vectors put, except those that are not ours, nobody's, or of a version that is replaced."""
        parsed = [(VectorKey.parse(vector["key"]), vector) for vector in page]
        ours = [(key, vector) for key, vector in parsed if key and vector.get("metadata")]
        require_space(
            (vector for _, vector in ours), self.store.space, f"{self.store.bucket}/{self._index.name}"
        )
        self.counts["foreign"] += len(page) - len(ours)
        rows = self.ledger.rows(key for key, _ in ours)
        copies, stale = [], set()
        for key, vector in ours:
            row = rows.get(key.object_id)
            if row is None or not expectation.covers(row, key):
                self.counts["orphans"] += 1
            elif _is_replaced(row, vector):
                stale.add(key.object_id)
            else:
                copies.append(_hand_over_one(key, vector, writer))
        for name in stale:
            self._retreat.reopen(rows[name], {})
        return copies

    def _check_settled(self, waiting: Iterable[list[Copy]]) -> list[list[Copy]]:
        """Look again at what has been put; returns the pages of which more will come."""
        left = []
        for copies in waiting:
            if all(copy.is_settled for copy in copies):
                self._check(copies)
            else:
                left.append(copies)
        return left

    def _check(self, copies: list[Copy]) -> None:
        """Compare a page with the ledger and with the index that it came from, as both are now.

        First the ledger: a newer version that it does not tell of yet is put after this, and one that it tells of
        as stored is in the index by now.
        """
        keys = [copy.key for copy in copies]
        rows = self.ledger.rows(keys)
        now = {item["key"]: item for item in self._index.get(map(str, keys), metadata=True)}
        gone: list[VectorKey] = []
        overtaken: dict[str, list[VectorKey]] = {}
        for copy in copies:
            row, vector = rows.get(copy.key.object_id), now.get(str(copy.key))
            if row is None or vector is None:
                gone.append(copy.key)
            elif _is_overtaken(copy, row, vector):
                overtaken.setdefault(row.object_id, []).append(copy.key)
        self._retreat.withdraw(gone, rows)
        for name, its in overtaken.items():
            self._retreat.reopen(rows[name], find_extents(its))
        self._count(copies)

    def _count(self, copies: list[Copy]) -> None:
        self._error = self._error or next((copy.error for copy in copies if copy.error), None)
        landed = [copy.key for copy in copies if copy.has_landed]
        self.counts["refused"] += sum(copy.error is None for copy in copies) - len(landed)
        self.counts.update({f"vectors_{dimension}": len(landed) for dimension in self.dimensions})
        self._seen.add({key.object_id for key in landed})


def _hand_over_one(key: VectorKey, vector: Mapping[str, Any], writer: VectorWriter) -> Copy:
    copy = Copy(key, _mark(vector))
    metadata = {name: value for name, value in vector["metadata"].items() if name != _DIMENSION}
    segment = Segment(key.embedding_type, key.segment)
    entry = Entry(str(key), orjson.dumps(metadata), segment, copy)
    writer.add(entry, np.array(vector["data"]["float32"], np.float64))
    return copy


def _mark(vector: Mapping[str, Any]) -> tuple[Any, ...]:
    metadata = vector.get("metadata") or {}
    return read_version(vector), metadata.get("processingTimestamp")


def _is_replaced(row: Row, vector: Mapping[str, Any]) -> bool:
    """Whether the row says that another version is stored. One that is not stored leaves the earlier one in place."""
    return row.status in (Status.STORED, Status.PARTIAL) and read_version(vector) != row.version


def _is_overtaken(copy: Copy, row: Row, vector: Mapping[str, Any]) -> bool:
    """Whether something else may have been put into the other indexes before the copy was."""
    return row.status is Status.SUBMITTED or _mark(vector) != copy.read or _is_replaced(row, vector)
