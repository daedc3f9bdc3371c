"""Agreement of rankings: what the new space finds against what the old one finds, and few dimensions against all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from nova_mme.space import DIMENSIONS, FULL_DIMENSION

# The k of recall@k, and how deep rankings are compared.
DEPTH = 10
SMALLER = tuple(dimension for dimension in DIMENSIONS if dimension != FULL_DIMENSION)
# How much the next rank matters against the one before: 0.9 gives the first ten ranks 86% of the weight (section 4.4
# of the paper that `overlap` names).
_PERSISTENCE = 0.9
_WORST = 10


def recall(found: Sequence[str], wanted: Sequence[str]) -> float:
    """recall@10: the share of the first ten wanted that are among the first ten found; 0..1.

    :param wanted: at least one; where there are fewer than ten, it is the share of those.
    """
    first = set(wanted[:DEPTH])
    return len(first & set(found[:DEPTH])) / len(first)


def overlap(one: Sequence[str], other: Sequence[str]) -> float:
    """Rank-biased overlap at p = 0.9 of the first ten, extrapolated; 0 (nothing shared) to 1 (the same order).

    Equation 32 of W. Webber, A. Moffat and J. Zobel, "A similarity measure for indefinite rankings", ACM TOIS 28(4),
    2010, with l and s the lengths of the longer and the shorter ranking and X_d their overlap at depth d:
    (1-p)/p (sum_{d=1..l} X_d/d p^d + sum_{d=s+1..l} X_s (d-s)/(s d) p^d) + ((X_l - X_s)/l + X_s/s) p^l.
    """
    short, long = sorted((list(one[:DEPTH]), list(other[:DEPTH])), key=len)
    s, l, p = len(short), len(long), _PERSISTENCE  # noqa: E741
    if not s:
        return 0.0
    shared = [len(set(short[:d]) & set(long[:d])) for d in range(l + 1)]
    seen = sum(shared[d] / d * p**d for d in range(1, l + 1))
    unseen = sum(shared[s] * (d - s) / (s * d) * p**d for d in range(s + 1, l + 1))
    return (1 - p) / p * (seen + unseen) + ((shared[l] - shared[s]) / l + shared[s] / s) * p**l


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one query has found.

    :ivar recall: recall@10 of the new space's sources against the old one's; None when the old one finds nothing.
    :ivar overlap: rank-biased overlap of the two.
    :ivar dimension_recall: recall@10 of segments, by dimension, against 3072 within the new space; empty when that
        finds nothing.
    :ivar old, new: the first ten sources of either space, best first; object ids.
    """

    name: str
    recall: float | None
    overlap: float
    dimension_recall: dict[int, float]
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


@dataclass(slots=True)
class Agreement:
    """Figures over all queries.

    :ivar asked: how many queries there were; ``skipped``: those of which a space has no vector any more.
    :ivar sources: how many sources there are to be found.
    :ivar names: object id -> URI, for what is shown of :attr:`worst`.
    """

    asked: int = 0
    skipped: int = 0
    sources: int = 0
    given: bool = False
    comparisons: list[Comparison] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def add(self, comparisons: Iterable[Comparison | None]) -> None:
        """Take queries up; None for a skipped one."""
        for comparison in comparisons:
            self.asked += 1
            if comparison is None:
                self.skipped += 1
            else:
                self.comparisons.append(comparison)

    @property
    def recalls(self) -> list[float]:
        """recall@10 of the new space against the old one, of each query that tells."""
        return [item.recall for item in self.comparisons if item.recall is not None]

    @property
    def recall(self) -> float | None:
        """Their mean; None when no query tells."""
        return fmean(self.recalls) if self.recalls else None

    @property
    def overlap(self) -> float | None:
        """The mean rank-biased overlap; None when no query tells."""
        values = [item.overlap for item in self.comparisons if item.recall is not None]
        return fmean(values) if values else None

    @property
    def dimension_recall(self) -> dict[int, float]:
        """Mean recall@10 of each smaller dimension against 3072; empty when no query tells."""
        told = [item.dimension_recall for item in self.comparisons if item.dimension_recall]
        return {dimension: fmean(item[dimension] for item in told) for dimension in SMALLER} if told else {}

    @property
    def by_chance(self) -> float:
        """The recall@10 of a ranking that knows nothing: 10 of the sources, the query's own one not counted."""
        others = self.sources - (not self.given)
        return min(1.0, DEPTH / others) if others > 0 else 1.0

    @property
    def worst(self) -> list[Comparison]:
        """The ten queries with the least recall, the least overlap first among equals."""
        told = [item for item in self.comparisons if item.recall is not None]
        return sorted(told, key=lambda item: (item.recall, item.overlap, item.name))[:_WORST]
