"""Who is in the bucket and who is in the ledger, in sorted arrays of numbers instead of dictionaries of names.

An object id ends in 64 bits of a digest, and those stand for it here. Among ten million sources two would
share them once in some 370,000 deployments; it could only make or hide a candidate, and whatever is
changed in the end is looked up by its whole name first.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nova_mme.reconcile import expectation
from nova_mme.row import Row
from nova_mme.source import Source
from nova_mme.space import DIMENSIONS
from nova_mme.vector_key import VectorKey

_UNJUDGED = 0xFFFF_FFFF  # the row does not say how many vectors there are
_STALE = len(DIMENSIONS)  # bit i of ``wrong``: too few vectors in index i; bit i + _STALE: not the row's own


class BucketCensus:
    """The objects of a bucket: 8 bytes each."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._hashes: NDArray[np.uint64] = np.asarray(
            array("Q", (_hash_id(source.object_id) for source in sources))
        )
        self._hashes.sort()

    def __len__(self) -> int:
        return len(self._hashes)

    def hold(self, object_ids: Sequence[str]) -> NDArray[np.bool_]:
        """Which of these are in the bucket: bool, shape (len(object_ids),)."""
        wanted = np.fromiter(map(_hash_id, object_ids), np.uint64, len(object_ids))
        return _find(self._hashes, wanted)[1]


class LedgerCensus:
    """The rows of a ledger, and what of them was seen in the indexes: 25 bytes per source and embedding type.

    Ten million sources take 250 MB (with picture and sound apart: 500), and 36 bytes each while they are
    sorted. Rows are added, then :meth:`close` sorts them, then the keys of one index after the other are counted.
    """

    def __init__(self) -> None:
        self._added = {"hash": array("Q"), "extent": array("I"), "count": array("I"), "version": array("I")}

    def add(self, row: Row, *, judged: bool) -> None:
        """Take up a row; one that is not ``judged`` only says which vectors may exist."""
        must_have = expectation.counts(row) if judged else None
        version = _hash_version(row.version)
        for name, extent in expectation.extents(row).items():
            self._added["hash"].append(_hash_id(row.object_id) ^ _hash_type(name))
            self._added["extent"].append(extent)
            self._added["count"].append(_UNJUDGED if must_have is None else must_have.get(name, 0))
            self._added["version"].append(version)

    def close(self) -> None:
        """Sort what was added; only now can anything be counted."""
        order = np.argsort(np.asarray(self._added["hash"]))
        self._hashes = self._sort("hash", order)
        self._extents = self._sort("extent", order)
        self._counts = self._sort("count", order)
        self._versions = self._sort("version", order)
        self._seen = np.zeros(len(order), np.uint32)
        self._wrong = np.zeros(len(order), np.uint8)

    def _sort(self, name: str, order: NDArray[np.intp]) -> NDArray[Any]:
        return np.asarray(self._added.pop(name))[order]

    def count(self, keys: Sequence[VectorKey], versions: Sequence[str] | None = None) -> NDArray[np.bool_]:
        """Count vectors of the index that is being listed.

        :param versions: what each vector says of itself, in the form of :attr:`Row.version`; None: not known.
        :returns: which of them a row covers: bool, shape (len(keys),). The others may be orphans.
        """
        hashes = (_hash_id(key.object_id) ^ _hash_type(key.embedding_type) for key in keys)
        places, known = _find(self._hashes, np.fromiter(hashes, np.uint64, len(keys)))
        if not len(self._hashes):
            return known
        known &= np.fromiter((key.segment for key in keys), np.uint32, len(keys)) < self._extents[places]
        np.add.at(self._seen, places[known], 1)
        if versions is not None:
            told = np.fromiter(map(_hash_version, versions), np.uint32, len(versions))
            other = known & (told != self._versions[places]) & (self._counts[places] != _UNJUDGED)
            np.bitwise_or.at(self._wrong, places[other], 1 << _STALE)
        return known

    def close_index(self, number: int) -> None:
        """Judge the index that was counted, the ``number``-th of the four, and begin the next."""
        judged = self._counts != _UNJUDGED
        self._wrong[judged & (self._seen < self._counts)] |= 1 << number
        self._wrong[judged & (self._seen > self._counts)] |= 1 << (number + _STALE)
        self._seen[:] = 0

    def has_wrong(self) -> bool:
        """Whether any row is at odds with an index."""
        return bool(self._wrong.any())

    def tell(self, row: Row) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The dimensions in which the row's source has too few vectors, and those in which it has wrong ones."""
        names = list(expectation.extents(row))
        hashes = np.fromiter((_hash_id(row.object_id) ^ _hash_type(name) for name in names), np.uint64)
        places, known = _find(self._hashes, hashes)
        wrong = int(np.bitwise_or.reduce(self._wrong[places[known]], initial=0))
        return _read_bits(wrong), _read_bits(wrong >> _STALE)


def _find(
    sorted_hashes: NDArray[np.uint64], wanted: NDArray[np.uint64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each of the wanted would be, and whether it is there."""
    places = np.searchsorted(sorted_hashes, wanted)
    if not len(sorted_hashes):
        return places, np.zeros(len(wanted), np.bool_)
    np.minimum(places, len(sorted_hashes) - 1, out=places)
    there: NDArray[np.bool_] = sorted_hashes[places] == wanted
    return places, there


def _read_bits(bits: int) -> tuple[int, ...]:
    return tuple(dimension for number, dimension in enumerate(DIMENSIONS) if bits >> number & 1)


def _hash_id(object_id: str) -> int:
    return int(object_id[-16:], 16)


@lru_cache(maxsize=64)
def _hash_type(embedding_type: str) -> int:
    return int.from_bytes(blake2b(embedding_type.encode(), digest_size=8).digest(), "big")


def _hash_version(version: str) -> int:
    return int.from_bytes(blake2b(version.encode(), digest_size=4).digest(), "big")
