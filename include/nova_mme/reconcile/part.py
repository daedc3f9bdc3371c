"""What a reconciliation has found in one space, as its tasks hand it on, and the page about all spaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from nova_mme.reconcile.finding import tell_findings, tell_mended, tell_refusal
from nova_mme.space_member import State


@dataclass(frozen=True, slots=True)
class Part:
    """One space's share in a reconciliation; small enough for XCom.

    :ivar space: its name; ``state``: what it was for when it was compared.
    :ivar folder: the URI below which its findings are; ``findings_uri``: their page.
    :ivar counts: :attr:`nova_mme.reconcile.finding.Findings.tally`.
    :ivar objections: why this is more than may be mended unasked, as sentences.
    :ivar problem: why the space could not be compared to the end, and so is not mended; empty when it was.
    """

    space: str
    state: State
    folder: str
    findings_uri: str
    counts: Mapping[str, int]
    objections: Sequence[str] = ()
    problem: str = ""

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> Part:
        """A part from what :meth:`dump` made of it."""
        return replace(cls(**item), state=State(item["state"]))

    def dump(self) -> dict[str, Any]:
        """The part as JSON takes it."""
        return {**asdict(self), "state": self.state.value, "objections": list(self.objections)}


def add_up(parts: Sequence[Part]) -> dict[str, int]:
    """The counts of all spaces together; the objects of the one bucket, which they share, count once."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part.counts)
    return {**total, "objects": max(part.counts.get("objects", 0) for part in parts)}


def render_parts(parts: Sequence[Part], done: Mapping[str, Mapping[str, int]] | None) -> str:
    """A run's page as Markdown, space by space.

    :param done: what was mended, by space; None when it was a dry run. A space that is not in it was left alone.
    """
    lines = ["# Reconciliation" + (": a dry run, nothing was changed" if done is None else "")]
    for part in parts:
        lines += ["", f"## Space `{part.space}` ({part.state})", ""]
        lines += tell_findings(part.counts, part.findings_uri)
        lines += _tell_end(part, done)
    return "\n".join([*lines, ""])


def _tell_end(part: Part, done: Mapping[str, Mapping[str, int]] | None) -> list[str]:
    if part.problem:
        return [f"* left alone, for it could not be compared to the end: {part.problem}"]
    if done is None:
        return tell_refusal(part.objections)
    if part.space not in done:
        return ["* left alone, for it was being deleted by then"]
    return tell_mended(done[part.space])
