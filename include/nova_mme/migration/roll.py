"""Who is there, and in which version: a bucket's objects or a space's rows in sorted arrays of numbers.

As in :mod:`nova_mme.reconcile.census`, an object id's 64 bits of digest stand for it. A version is four bytes of a
hash: a change stays unseen once in four billion changes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np


class Entry(NamedTuple):
    """What is known of one source.

    :ivar mark: a small number of the caller's; 0 for whom nothing is known of.
    :ivar version: :func:`hash_version` of the etag.
    """

    mark: int
    version: int


class Roll:
    """Marks and versions by object id: 13 bytes a source, and 21 more while they are sorted.

    :param entries: object id, etag and mark (1 to 255) of each.
    """

    def __init__(self, entries: Iterable[tuple[str, str, int]]) -> None:
        ids, versions, marks = array("Q"), array("I"), array("B")
        for object_id, etag, mark in entries:
            ids.append(_hash_id(object_id))
            versions.append(hash_version(etag))
            marks.append(mark)
        hashes = np.asarray(ids)
        order = np.argsort(hashes)
        self._hashes = hashes[order]
        self._versions = np.asarray(versions)[order]
        self._marks = np.asarray(marks)[order]

    def __len__(self) -> int:
        return len(self._hashes)

    def find(self, object_ids: Sequence[str]) -> Iterator[Entry]:
        """The entries of these, in their order."""
        if not len(self._hashes):
            return iter([Entry(0, 0)] * len(object_ids))
        wanted = np.fromiter(map(_hash_id, object_ids), np.uint64, len(object_ids))
        places = np.minimum(np.searchsorted(self._hashes, wanted), len(self._hashes) - 1)
        marks = np.where(self._hashes[places] == wanted, self._marks[places], 0)
        return map(Entry, marks.tolist(), self._versions[places].tolist())


def hash_version(etag: str) -> int:
    """Four bytes that stand for an etag."""
    return int.from_bytes(blake2b(etag.encode(), digest_size=4).digest(), "big")


def _hash_id(object_id: str) -> int:
    return int(object_id[-16:], 16)
