"""Dead letters: the sources that failed for good, each with its reason and the next step."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappush, heapreplace
from typing import Any

from nova_mme.errors import FREE_REASONS, Reason
from nova_mme.row import Row, Status

# A retryable failure is taken up again by later runs until so many attempts were made.
MAX_ATTEMPTS = 3
_MOST = 100


@dataclass(slots=True)
class DeadLetters:
    """Counts all, and keeps the latest ones.

    :ivar space: whose rows count.
    """

    space: str
    most: int = _MOST
    total: int = 0
    _latest: list[tuple[int, str, Row]] = field(default_factory=list)

    def count(self, row: Row) -> None:
        """Take up a row of any space."""
        if row.space != self.space or not is_dead(row):
            return
        self.total += 1
        entry = (row.updated, row.object_id, row)
        if len(self._latest) < self.most:
            heappush(self._latest, entry)
        elif entry[:2] > self._latest[0][:2]:
            heapreplace(self._latest, entry)

    def summarize(self) -> dict[str, Any]:
        """``total``, and ``items``: the latest first, at most 100."""
        latest = sorted(self._latest, key=lambda entry: entry[:2], reverse=True)
        return {"total": self.total, "items": [describe(row) for _, _, row in latest]}


def is_dead(row: Row) -> bool:
    """Whether it failed, in whole or in part, and no run takes this version up again by itself."""
    if row.status not in (Status.FAILED, Status.PARTIAL):
        return False
    may_pass = row.reason is not None and row.reason.retryable and row.attempt < MAX_ATTEMPTS
    return not (may_pass or row.reason in FREE_REASONS)


def describe(row: Row) -> dict[str, Any]:
    """What a person wants to know of a row, for JSON."""
    return {
        "id": row.object_id,
        "uri": row.uri,
        "name": row.uri.rsplit("/", 1)[-1],
        "modality": row.modality,
        "status": row.status.value,
        "reason": row.reason.value if row.reason else "",
        "message": row.message,
        "next_step": next_step(row.reason),
        "note": row.note,
        "run": read_run_name(row.run),
        "size": row.size,
        "modified": row.modified,
        "updated": row.updated,
        "segments": dict(row.counts or row.segments),
        "failed_segments": row.failed_segments,
        "space": row.space,
    }


def next_step(reason: Reason | None) -> str:
    """What to do about it; empty where nothing failed."""
    return reason.next_step if reason else ""


def read_run_name(name: str) -> dict[str, str] | None:
    """DAG and run of "<DAG id>/<run id>"; a run id may have a slash in it, a DAG id has none."""
    dag_id, slash, run_id = name.partition("/")
    return {"dag_id": dag_id, "run_id": run_id} if slash else None
