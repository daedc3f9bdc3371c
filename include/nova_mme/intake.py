"""One source on its way from its jobs' output into the four indexes: what has been read, what has arrived."""

from __future__ import annotations

from dataclasses import dataclass, field

from nova_mme.errors import BadSource, Reason
from nova_mme.outcome import Outcome
from nova_mme.row import Row
from nova_mme.segment import Segment, SegmentFailure
from nova_mme.source import Source


@dataclass(slots=True, eq=False)
class Intake:
    """The state of one source in the store step; the owner of its vectors on their way.

    :ivar row: the ledger's, as it was when the step began.
    :ivar reached: embedding type -> up to where the ledger knows that vectors may be.
    :ivar indexes: embedding type -> the segments that are in all four indexes.
    :ivar spoiled: embedding type -> the segments that may be in some of the indexes and were refused by another.
    :ivar waiting: vectors that were handed over and have not arrived yet.
    :ivar is_read: all of the output was handed over, or as much of it as there is.
    :ivar processed: epoch seconds that its vectors tell as the time of their processing; 0: when they are read.
    :ivar silent: segments of a text that do not tell their words: the object is another one by now, or gone.
    :ivar error: why it cannot be stored now, or at all.
    """

    source: Source
    row: Row
    reached: dict[str, int] = field(default_factory=dict)
    indexes: dict[str, set[int]] = field(default_factory=dict)
    spoiled: dict[str, set[int]] = field(default_factory=dict)
    failures: list[SegmentFailure] = field(default_factory=list)
    waiting: int = 0
    is_read: bool = False
    processed: int = 0
    silent: int = 0
    error: Exception | None = None
    job_seconds: float = 0.0
    outcome: Outcome | None = None

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing more to come."""
        return self.is_read and not self.waiting

    @property
    def counts(self) -> dict[str, int]:
        """Embedding type -> segments stored."""
        return {name: len(indexes) for name, indexes in self.indexes.items()}

    @property
    def extents(self) -> dict[str, int]:
        """Embedding type -> highest segment index + 1: below it every key of this source lies."""
        return {name: max(indexes) + 1 for name, indexes in self.indexes.items()}

    def find_problem(self) -> Exception | None:
        """Why it is not stored: its error, or that not one segment of it is."""
        if self.error or self.indexes:
            return self.error
        reason, message = self.tell_failures()
        return BadSource(self.source.uri, reason or Reason.NO_OUTPUT, message or "The job's output is empty.")

    def tell_failures(self) -> tuple[Reason | None, str]:
        """The reason and the message that stand for all failed segments; the first one's alone if nothing is stored."""
        # One that may pass goes before the others: it is why the source is worth another try.
        first = next(iter(self.failures), None)
        worst = next((item for item in self.failures if item.reason.retryable), first)
        if worst is None:
            return None, ""
        return worst.reason, _tell(self.failures) if self.indexes else worst.message

    def landed(self, segment: Segment) -> None:
        """A vector is in all four indexes."""
        self.waiting -= 1
        self.indexes.setdefault(segment.embedding_type, set()).add(segment.index)

    def refused(self, segment: Segment, message: str) -> None:
        """A vector was refused by an index, and may be in others."""
        self.waiting -= 1
        self.spoiled.setdefault(segment.embedding_type, set()).add(segment.index)
        self.fail(segment, Reason.VECTORS_REFUSED, message)

    def broke(self, error: Exception) -> None:
        """A vector could not be put; another try may mend it."""
        self.waiting -= 1
        self.error = self.error or error

    def fail(self, segment: Segment, reason: Reason, message: str) -> None:
        """Note a segment that has no vectors."""
        self.failures.append(SegmentFailure(segment.embedding_type, segment.index, reason, message))


def _tell(failures: list[SegmentFailure]) -> str:
    shown = "; ".join(f"{item.embedding_type} {item.index}: {item.message}" for item in failures[:3])
    more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
    return f"{len(failures)} segment(s) failed: {shown}{more}"
