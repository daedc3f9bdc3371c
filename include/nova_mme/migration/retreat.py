"""How a rebuild gives way: to newer versions that were stored meanwhile, and to the removal of sources.

It puts what it has read a moment ago, so each time it has put something it looks again. What it may have put over
a newer version is stored once more from that version's own job; what belongs to nobody any more is deleted.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nova_mme.ledger import Ledger
from nova_mme.row import Row, Status
from nova_mme.store import VectorStore
from nova_mme.vector_index import VectorIndex
from nova_mme.vector_key import VectorKey

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retreat:
    """Gives way in the indexes that are rebuilt.

    :ivar counts: reopened (sources that a later run stores again; those that a run has already are not among them),
        withdrawn (vectors).
    """

    store: VectorStore
    ledger: Ledger
    dimensions: Sequence[int]
    counts: Counter[str]

    def reopen(self, row: Row, extents: Mapping[str, int]) -> None:
        """Have a source stored once more, from its own job and at no cost.

        :param extents: embedding type -> below which segment index something of it was put.
        """
        # First: whoever stores it again has to know how far to look for what is left over.
        for name, extent in extents.items():
            self.ledger.reach(row.source, name, extent)
        self.counts["reopened"] += self.ledger.reopen(row)
        log.info("%s: it has changed meanwhile, and will be stored once more.", row.uri)

    def withdraw(self, keys: Sequence[VectorKey], rows: Mapping[str, Row]) -> None:
        """Delete vectors that were put and are nobody's any more.

        :param rows: as they were when that was found out. A source that has come back since is reopened: its new
            vectors may be among the deleted.
        """
        if not keys:
            return
        self.store.take_turn(len(keys))
        for dimension in self.dimensions:
            VectorIndex.of(self.store, dimension).delete(map(str, keys))
        self.counts["withdrawn"] += len(keys)
        for name, row in self.ledger.rows(keys).items():
            if row.status is Status.SUBMITTED or row != rows.get(name):
                self.reopen(row, find_extents(key for key in keys if key.object_id == name))


def find_extents(keys: Iterable[VectorKey]) -> dict[str, int]:
    """Embedding type -> highest segment index + 1."""
    extents: dict[str, int] = {}
    for key in keys:
        extents[key.embedding_type] = max(extents.get(key.embedding_type, 0), key.segment + 1)
    return extents
