"""What an evaluation has found: figures of every way to search, and of every length of the shortlist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from nova_mme.evaluation.accuracy import Mean
from nova_mme.evaluation.effort import count_bytes, estimate_dollars
from nova_mme.evaluation.trial import Trial
from nova_mme.search.request import SHORTLIST_DIMENSION, Strategy, Way
from nova_mme.space import DIMENSIONS

_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


def name_way(way: Way) -> str:
    """What a way is called: ``1024d``, or ``256d > 1024d`` for a shortlist that is scored anew."""
    if way.strategy is Strategy.FLAT:
        return f"{way.dimension}d"
    return f"{SHORTLIST_DIMENSION}d > {way.dimension}d"


def choose_ways(shortlist: int) -> list[Way]:
    """The ways that are compared: the four indexes, and a shortlist scored at 1024 and at 3072."""
    flat = [Way(dimension=dimension) for dimension in DIMENSIONS]
    return flat + [
        Way(strategy=Strategy.HIERARCHICAL, dimension=dimension, shortlist=shortlist)
        for dimension in (1024, 3072)
    ]


@dataclass(frozen=True, slots=True)
class Figure:
    """One way to search.

    :ivar recall: recall@10 against the exact 3072-d ranking, if the service were exact.
    :ivar overlap: mean rank-biased overlap with that ranking.
    :ivar trial: real searches; None when none was made.
    """

    name: str
    way: Way
    recall: Mean
    overlap: float
    trial: Trial | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What one query finds, by the name of the way: recall@10."""

    name: str
    recalls: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """All of it.

    :ivar endpoint: the address of S3 Vectors.
    :ivar total: vectors in the index; ``taken``: those that the exact rankings are of; ``sources``: theirs.
    :ivar given: whether the queries come from a file.
    :ivar by_chance: the recall@10 of a ranking that knows nothing.
    :ivar sweep: recall@10 of hierarchical searches by length of the shortlist, then by dimension.
    :ivar worst: the queries that lose most in the smaller indexes.
    :ivar seconds: what each part of the evaluation took.
    """

    space: str
    endpoint: str
    started: int
    total: int
    taken: int
    sources: int
    queries: int
    given: bool
    by_chance: float
    shortlist: int
    figures: Sequence[Figure]
    sweep: Mapping[int, Mapping[int, Mean]]
    worst: Sequence[Query]
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_sample(self) -> bool:
        """Whether only a part of the index was taken."""
        return self.taken < self.total

    @property
    def is_aws(self) -> bool:
        """Whether the times are those of AWS."""
        return (urlsplit(self.endpoint).hostname or "").endswith(_AWS)

    @property
    def timed(self) -> int:
        """How many queries were really searched with."""
        return max((len(figure.trial.wall) for figure in self.figures if figure.trial), default=0)

    def find(self, name: str) -> Figure:
        """The figure of a way."""
        return next(figure for figure in self.figures if figure.name == name)


def dump(assessment: Assessment) -> bytes:
    """All figures as JSON."""
    document: dict[str, Any] = {
        name: getattr(assessment, name) for name in Assessment.__slots__ if name not in ("figures", "sweep")
    }
    document["ways"] = [_describe(figure, assessment.total) for figure in assessment.figures]
    document["shortlists"] = [
        {"shortlist": length, "recall": {f"{dimension}d": mean for dimension, mean in means.items()}}
        for length, means in assessment.sweep.items()
    ]
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)


def _describe(figure: Figure, total: int) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": figure.name,
        "strategy": figure.way.strategy.value,
        "dimension": figure.way.dimension,
        "recall": figure.recall,
        "overlap": figure.overlap,
        "bytes_read": count_bytes(figure.way, total),
        "dollars_a_million_searches": round(estimate_dollars(figure.way, total), 4),
    }
    if trial := figure.trial:
        described |= {
            "median_ms": trial.median_ms,
            "p95_ms": trial.slow_ms,
            "client_cpu_ms": trial.cpu_ms,
            "served_recall": _mean(trial.served),
            "served_recall_of_its_own_ranking": _mean(trial.faithful),
        }
    return described


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
