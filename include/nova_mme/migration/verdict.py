"""What the gate has found, judged: figures, the bars they are held against, and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nova_mme.errors import BadSetting
from nova_mme.migration.agreement import DEPTH, Agreement
from nova_mme.migration.coverage import Coverage, Standing
from nova_mme.migration.norms import Norms
from nova_mme.reconcile.finding import Finding, Kind
from nova_mme.search.query_file import MAX_QUERIES

_QUOTED = 3
_NOT_JUDGED = "The agreement was not judged: with fewer than two sources there is nothing to rank."
_MAX_SAMPLE = 10_000
_WANTS = {
    Standing.MISSING: (
        "Not in the new space",
        "Run backfill_embeddings again: it takes up what is not there.",
    ),
    Standing.OUTDATED: (
        "In the new space in an older version than in the old one",
        "Run backfill_embeddings again: it takes up what has changed.",
    ),
    Standing.FAILED: (
        "Failed in the new space, though they can be found today",
        "Do what the report says of each, or lower min_coverage to go without them.",
    ),
}
_RANGES = {
    "min_recall": (0.0, 1.0),
    "min_dimension_recall": (0.0, 1.0),
    "max_norm_error": (1e-6, 0.1),
    "min_coverage": (0.0, 1.0),
    "queries": (1, MAX_QUERIES),
    "norm_sample": (1, _MAX_SAMPLE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """What the new space must reach.

    :ivar min_recall: mean recall@10 of its sources against the old space's, 0..1. Two good models differ: it is
        there to catch a broken space, not a better one.
    :ivar min_dimension_recall: mean recall@10 of each smaller dimension's segments against 3072, 0..1; the smallest
        has the hardest time.
    :ivar max_norm_error: the largest | ||v|| - 1 |.
    :ivar min_coverage: the share of today's searchable sources that must be in the new space, 0..1.
    :ivar queries: how many are drawn when no file is given, 1..1,000.
    :ivar norm_sample: how many keys are drawn for the norms, 1..10,000.
    """

    min_recall: float = 0.3
    min_dimension_recall: float = 0.5
    max_norm_error: float = 1e-3
    min_coverage: float = 1.0
    queries: int = 50
    norm_sample: int = 1000

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            kinds = (int,) if isinstance(low, int) else (int, float)
            if type(value) not in kinds or not low <= value <= high:
                whole = "a whole number" if isinstance(low, int) else "a number"
                raise BadSetting(
                    f"The gate's {name} is {value!r}; it must be {whole} from {low:g} to {high:g}."
                )


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer, with all figures.

    :ivar old, new: the spaces' names.
    :ivar tally: of the new space's indexes against its ledger, as in :attr:`nova_mme.reconcile.Findings.tally`.
    :ivar named: the first twenty holes and stale sources.
    :ivar norms: by dimension.
    :ivar started: epoch seconds.
    """

    old: str
    new: str
    bars: Bars
    coverage: Coverage
    tally: Mapping[str, int]
    named: Sequence[Finding]
    norms: Mapping[int, Norms]
    agreement: Agreement
    started: int = 0
    seconds: float = 0.0

    @property
    def reasons(self) -> list[str]:
        """Why the pointer must not move, as sentences; empty when nothing is wrong."""
        return [
            *self._coverage_reasons(),
            *self._index_reasons(),
            *self._norm_reasons(),
            *self._agreement_reasons(),
        ]

    @property
    def is_waiting(self) -> bool:
        """Whether too many sources are on their way still."""
        return self.coverage.share < self.bars.min_coverage <= self.coverage.settled_share

    @property
    def in_motion_only(self) -> bool:
        """Whether nothing is wrong but that sources are on their way: another try later may pass."""
        return self.is_waiting and not self.reasons

    @property
    def passed(self) -> bool:
        """Whether the pointer may move."""
        return not self.reasons and not self.is_waiting

    @property
    def notes(self) -> list[str]:
        """What a person should know though it fails nothing, as sentences."""
        coverage, orphans = self.coverage, self.tally.get(Kind.ORPHAN, 0)
        outside, skipped = coverage.tally[Standing.OUTSIDE], self.agreement.skipped
        told = [
            (coverage.in_motion, "on the way into the new space", "try again later", "source"),
            (
                coverage.partial,
                "whole in the old space and partial in the new one",
                "the model failed segments",
                "source",
            ),
            (
                outside,
                "in the old space but not below the source URI",
                "a cutover loses what is there",
                "source",
            ),
            (orphans, "without a row in the new indexes", "reconcile_embeddings deletes such", "vector"),
            (skipped, "without a vector in one of the spaces", "passed over", "query"),
        ]
        sentences = [f"{_count(number, noun)} {what}: {then}." for number, what, then, noun in told if number]
        return sentences + self._agreement_notes()

    def _agreement_notes(self) -> list[str]:
        agreement = self.agreement
        if agreement.recall is None:
            return [_NOT_JUDGED] if self.coverage.present <= 1 else []
        if agreement.by_chance < self.bars.min_recall:
            return []
        return [
            f"Among {_count(agreement.sources, 'source')} a ranking by chance has a recall@{DEPTH} of "
            f"{agreement.by_chance:.2f}, so the bar of {self.bars.min_recall:.2f} says little: look at the worst queries."
        ]

    def _coverage_reasons(self) -> list[str]:
        coverage = self.coverage
        if coverage.settled_share >= self.bars.min_coverage:
            return []
        return [
            f"{what}: {coverage.tally[standing]:,} of {_count(coverage.eligible, 'searchable source')}"
            f"{_quote(coverage, standing)}. {then}"
            for standing, (what, then) in _WANTS.items()
            if coverage.tally[standing]
        ]

    def _index_reasons(self) -> list[str]:
        sentences = []
        for kind, what in (
            (Kind.HOLE, "Vectors are missing"),
            (Kind.STALE, "There are stale vectors, or too many,"),
        ):
            if count := self.tally.get(kind, 0):
                found = [item for item in self.named if item.kind is kind]
                where = sorted({dimension for item in found for dimension in item.dimensions})
                sentences.append(
                    f"{what} in the new indexes ({', '.join(f'{dimension}d' for dimension in where)}), of "
                    f"{_count(count, 'stored source')}{_name([item.uri for item in found], count)}. Run "
                    "reconcile_embeddings with dry_run off, then backfill_embeddings: they are stored again at no cost."
                )
        return sentences

    def _norm_reasons(self) -> list[str]:
        off = [norms for norms in self.norms.values() if norms.off]
        untrue = [norms for norms in self.norms.values() if norms.untrue]
        sentences = []
        if off:
            counts = ", ".join(f"{norms.dimension}d {norms.off:,} of {norms.vectors:,}" for norms in off)
            keys = [key for norms in off for key in norms.off_keys]
            sentences.append(
                f"Vectors of the new indexes are not of unit length: {counts} in the sample, off by up to "
                f"{max(norms.max_error for norms in off):.2g} where {self.bars.max_norm_error:g} may be"
                f"{_name(keys, sum(norms.off for norms in off))}. Rebuild the indexes "
                "(action rebuild, rebuild_from outputs); if they come out the same, the model does not make unit vectors."
            )
        if untrue:
            counts = ", ".join(
                f"{norms.dimension}d {norms.untrue:,} of {norms.vectors:,}" for norms in untrue
            )
            keys = [key for norms in untrue for key in norms.untrue_keys]
            sentences.append(
                f"Vectors of the new indexes are not the beginning of their 3072d vector: {counts} in the sample, off "
                f"by up to {max(norms.max_truncation_error for norms in untrue):.2g}"
                f"{_name(keys, sum(norms.untrue for norms in untrue))}. Rebuild those indexes from the stored 3072d "
                "vectors."
            )
        return sentences

    def _agreement_reasons(self) -> list[str]:
        agreement, bars = self.agreement, self.bars
        if agreement.recall is None:
            if self.coverage.present <= 1:
                return []
            return [
                f"The two spaces could not be compared though both hold {self.coverage.present:,} sources: none of "
                f"{agreement.asked:,} queries found anything. Give a query set, or look whether the old space's indexes "
                "still hold its vectors (reconcile_embeddings)."
            ]
        sentences = []
        if agreement.recall < bars.min_recall:
            sentences.append(
                f"The new space finds too little of what the old one finds: recall@{DEPTH} is {agreement.recall:.2f} on "
                f"average of {len(agreement.recalls):,} queries, {bars.min_recall:.2f} is needed (chance alone gives "
                f"{agreement.by_chance:.2f}). Look at the worst queries in the report: if the new results are good, lower "
                "min_recall; if not, the vectors are not their sources', or the model does not suit."
            )
        sentences += [
            f"The new {dimension}d index finds too little of what its 3072d index finds: recall@{DEPTH} is {value:.2f}, "
            f"{bars.min_dimension_recall:.2f} is needed. Rebuild it from the stored 3072d vectors; if that changes "
            "nothing, search in more dimensions, or lower min_dimension_recall."
            for dimension, value in agreement.dimension_recall.items()
            if value < bars.min_dimension_recall
        ]
        return sentences

    def summarize(self) -> dict[str, Any]:
        """A small document for XCom: the verdict, the sentences and the main figures, without names' lists."""
        coverage, agreement = self.coverage, self.agreement
        return {
            "passed": self.passed,
            "in_motion_only": self.in_motion_only,
            "reasons": self.reasons,
            "notes": self.notes,
            "old": self.old,
            "new": self.new,
            "eligible": coverage.eligible,
            **{standing.value: coverage.tally[standing] for standing in Standing},
            "partial": coverage.partial,
            "coverage": coverage.share,
            "holes": self.tally.get(Kind.HOLE, 0),
            "stale": self.tally.get(Kind.STALE, 0),
            "max_norm_error": max((norms.max_error for norms in self.norms.values()), default=0.0),
            "norm_sample": {str(dimension): norms.vectors for dimension, norms in self.norms.items()},
            "queries": len(agreement.recalls),
            "recall": agreement.recall,
            "overlap": agreement.overlap,
            "recall_by_chance": agreement.by_chance,
            "dimension_recall": {str(name): value for name, value in agreement.dimension_recall.items()},
            "seconds": self.seconds,
        }


def _count(number: int, noun: str) -> str:
    plural = {"query": "queries"}.get(noun, f"{noun}s")
    return f"{number:,} {noun if number == 1 else plural}"


def _quote(coverage: Coverage, standing: Standing) -> str:
    names = [absence.uri for absence in coverage.absences if absence.standing is standing]
    return _name(names, coverage.tally[standing])


def _name(names: Sequence[str], count: int) -> str:
    """The first few of them, in brackets."""
    shown = list(dict.fromkeys(names))[:_QUOTED]
    return f" ({', '.join(shown)}{', ...' if count > len(shown) else ''})" if shown else ""
