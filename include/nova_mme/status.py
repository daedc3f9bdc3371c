"""How the deployment stands: every space with its coverage by modality, what is stale, what failed, what ran last."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from nova_mme.ledger_scan import scan_items
from nova_mme.modality import Modality
from nova_mme.row import Row, Status
from nova_mme.space_member import Member, Spaces, State


@dataclass(slots=True)
class Coverage:
    """What the ledger says of one modality in one space, in sources.

    :ivar known: that any space's ledger has a row of; ``missing`` are those that this space has none of.
    :ivar stale: of the stored ones, those under another recipe than the one in force.
    :ivar segments: vectors in each of the four indexes.
    """

    known: int = 0
    stored: int = 0
    partial: int = 0
    failed: int = 0
    submitted: int = 0
    stale: int = 0
    segments: int = 0

    @property
    def missing(self) -> int:
        """Sources that other spaces know."""
        return max(0, self.known - self.stored - self.partial - self.failed - self.submitted)

    @property
    def share(self) -> float:
        """The share of the known sources whose last known version is stored in this space, 0..1; 1 of none."""
        return (self.stored + self.partial) / self.known if self.known else 1.0

    def count(self, row: Row, recipe: str) -> None:
        """Take up a row."""
        name = row.status.value
        setattr(self, name, getattr(self, name) + 1)
        if row.status in (Status.STORED, Status.PARTIAL):
            self.stale += row.recipe != recipe
            self.segments += sum((row.counts or row.segments).values())


@dataclass(slots=True)
class SpaceStatus:
    """One space.

    :ivar reasons: why sources failed, in whole or in part: reason -> sources.
    :ivar last_run: "<DAG id>/<run id>" that started the latest job, and ``last_change``, epoch seconds.
    :ivar end_of_life: epoch seconds from which on the model cannot be used; None when not known.
    """

    member: Member
    coverage: dict[Modality, Coverage] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    last_run: str = ""
    last_change: int = 0
    end_of_life: int | None = None

    @property
    def name(self) -> str:
        """The space's name."""
        return self.member.space.name

    def count(self, row: Row) -> None:
        """Take up a row."""
        try:
            modality = Modality(row.modality)
        except ValueError:  # written by a later version of this project
            return
        recipe = self.member.recipe(modality).fingerprint
        self.coverage.setdefault(modality, Coverage()).count(row, recipe)
        if row.reason:
            self.reasons[row.reason.value] += 1
        if row.run and row.updated >= self.last_change:
            self.last_run, self.last_change = row.run, row.updated

    def summarize(self) -> dict[str, Any]:
        """A small document for XCom and the page."""
        return {
            "space": self.name,
            "model_id": self.member.space.model_id,
            "revision": self.member.space.revision,
            "state": self.member.state.value,
            "created": self.member.created or None,
            "retire_at": self.member.retire_at,
            "end_of_life": self.end_of_life,
            "last_run": self.last_run,
            "last_change": self.last_change or None,
            "gate": dict(self.member.gate),
            "reasons": dict(self.reasons),
            "modalities": {
                modality.value: {
                    "known": one.known,
                    "stored": one.stored,
                    "partial": one.partial,
                    "failed": one.failed,
                    "submitted": one.submitted,
                    "missing": one.missing,
                    "stale": one.stale,
                    "segments": one.segments,
                    "share": round(one.share, 4),
                }
                for modality, one in sorted(self.coverage.items())
            },
        }


def describe_spaces(
    spaces: Spaces,
    dynamodb: Any,
    table_name: str,
    *,
    find_end_of_life: Callable[[str], int | None] = lambda model_id: None,
    beside: Sequence[Callable[[Row], None]] = (),
) -> list[SpaceStatus]:
    """Every space's status, from one scan of the ledger; the active one first.

    Memory: 8 bytes for each source and space.

    :param find_end_of_life: model id -> epoch seconds, None when not known.
    :param beside: what else is to be shown each row, of known spaces and others: one scan serves all.
    """
    told = {name: SpaceStatus(member) for name, member in spaces.members.items()}
    known: dict[str, array[int]] = {modality.value: array("Q") for modality in Modality}
    for row in _rows(scan_items(dynamodb, table_name)):
        for show in beside:
            show(row)
        if row.space in told and row.modality in known:
            told[row.space].count(row)
            known[row.modality].append(int(row.object_id[-16:], 16))
    totals = {name: _count_distinct(hashes) for name, hashes in known.items()}
    for status in told.values():
        status.end_of_life = find_end_of_life(status.member.space.model_id)
        for name, total in totals.items():
            if total:
                status.coverage.setdefault(Modality(name), Coverage()).known = total
    return sorted(told.values(), key=lambda status: (status.member.state is not State.ACTIVE, status.name))


def _rows(items: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    # The table holds other things as well: quota, pace, campaigns, the spaces themselves.
    return (Row.read(item) for item in items if not item["object_id"].startswith("~"))


def _count_distinct(hashes: array[int]) -> int:
    return len(np.unique(np.asarray(hashes, dtype=np.uint64)))


def render_spaces(statuses: Iterable[SpaceStatus]) -> str:
    """The spaces as Markdown: a sentence and a table for each."""
    return "\n".join(line for status in statuses for line in _render_space(status))


def _render_space(status: SpaceStatus) -> list[str]:
    space, state = status.member.space, status.member.state.value
    lines = [
        f"**{status.name}** ({state}): `{space.model_id}`{f' {space.revision}' if space.revision else ''}"
    ]
    if status.member.retire_at and status.member.state is State.KEPT:
        lines.append(f"* may be deleted from {_day(status.member.retire_at)} on")
    if status.end_of_life:
        lines.append(f"* the model can be used until {_day(status.end_of_life)}")
    if status.last_run:
        lines.append(f"* last change {_moment(status.last_change)}, by the run {status.last_run}")
    if status.reasons:
        told = ", ".join(f"{count} {reason}" for reason, count in status.reasons.most_common())
        lines.append(f"* failed: {told}")
    if status.coverage:
        lines += [
            "",
            "| modality | sources | found | failed | in flight | missing | other recipe | segments |",
        ]
        lines += ["|---|---|---|---|---|---|---|---|"]
    for modality, one in sorted(status.coverage.items()):
        found = f"{one.stored + one.partial:,} ({one.share:.1%})"
        numbers = (one.failed, one.submitted, one.missing, one.stale, one.segments)
        lines.append(
            f"| {modality} | {one.known:,} | {found} | {' | '.join(f'{number:,}' for number in numbers)} |"
        )
    return [*lines, ""]


def _day(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d")


def _moment(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M UTC")
