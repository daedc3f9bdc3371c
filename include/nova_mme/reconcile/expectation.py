"""What a ledger row says of the indexes: which vectors its source may have there, and how many it must have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from nova_mme.row import Row, Status
from nova_mme.vector_key import VectorKey


def extents(row: Row) -> Mapping[str, int]:
    """Embedding type -> below which segment index its vectors may be.

    Every store notes how far it reaches before it puts anything, so a vector beyond was put by nobody.
    """
    return Counter(row.reached) | Counter(row.segments)


def covers(row: Row | None, key: VectorKey) -> bool:
    """Whether the row says that this vector may exist."""
    return row is not None and key.segment < extents(row).get(key.embedding_type, 0)


def counts(row: Row) -> Mapping[str, int] | None:
    """Embedding type -> how many vectors it has in each index; None while the row does not say.

    A row that is not stored says nothing: a job of it is on its way, or an earlier version's vectors stay.
    Nor does a row of before ``counts`` was kept, when some of its segments have failed.
    """
    if row.status not in (Status.STORED, Status.PARTIAL):
        return None
    if row.counts or not row.segments:
        return row.counts
    return row.segments if row.status is Status.STORED else None


def keys(row: Row) -> Iterator[str]:
    """The keys of all vectors that its source may have."""
    for name, extent in extents(row).items():
        for index in range(extent):
            yield str(VectorKey(row.object_id, name, index))
