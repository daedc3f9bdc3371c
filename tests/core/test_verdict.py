"""The bars' ranges, and what a verdict makes of figures at the edge of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from nova_mme.errors import BadSetting
from nova_mme.migration.agreement import Agreement, Comparison
from nova_mme.migration.coverage import Coverage, Standing
from nova_mme.migration.verdict import Bars, Verdict


@pytest.mark.parametrize(
    "bars",
    [
        {"min_recall": -0.1},
        {"min_recall": 1.1},
        {"min_dimension_recall": 2},
        {"max_norm_error": 0.0},
        {"max_norm_error": 0.2},
        {"min_coverage": float("nan")},
        {"min_coverage": "1.0"},
        {"min_coverage": True},
        {"queries": 0},
        {"queries": 1001},
        {"queries": 10.0},
        {"norm_sample": 10_001},
    ],
)
def test_a_bar_out_of_range_is_named(bars: dict[str, Any]) -> None:
    """With the range."""
    (name,) = bars
    with pytest.raises(BadSetting, match=rf"The gate's {name} is .*; it must be .* from .* to "):
        Bars(**bars)


def test_the_edges_are_in_range() -> None:
    """A whole number is a number."""
    Bars(
        min_recall=0,
        min_dimension_recall=1,
        min_coverage=0.0,
        queries=1000,
        norm_sample=1,
        max_norm_error=0.1,
    )


def _judge(recall: float = 0.5, smallest: float = 0.9, bars: Bars | None = None, **standings: int) -> Verdict:
    agreement = Agreement(asked=1, sources=1000)
    agreement.add([Comparison("q", recall, 0.5, {256: smallest, 384: 0.9, 1024: 0.9})])
    coverage = Coverage(Counter({Standing(name): count for name, count in standings.items()}))
    return Verdict("old", "new", bars or Bars(), coverage, {}, [], {}, agreement)


def test_a_bar_that_is_reached_is_passed() -> None:
    """Exactly is enough."""
    assert _judge(recall=0.3, smallest=0.5, present=10).passed
    assert not _judge(recall=0.29, present=10).passed
    assert not _judge(smallest=0.49, present=10).passed


@pytest.mark.parametrize(
    ("standings", "passed", "waits"),
    [
        ({"present": 90, "missing": 10}, True, False),
        ({"present": 90, "in_motion": 10}, True, False),
        ({"present": 89, "in_motion": 11}, False, True),
        ({"present": 89, "in_motion": 1, "missing": 10}, False, True),
        ({"present": 89, "missing": 11}, False, False),
        ({"present": 80, "in_motion": 9, "missing": 11}, False, False),
        ({"departed": 10, "outside": 10, "arriving": 10, "unsearchable": 10}, True, False),
    ],
)
def test_coverage_passes_waits_or_fails(standings: dict[str, int], passed: bool, waits: bool) -> None:
    """Of a hundred sources ninety have to be there: now, or when what is in motion has arrived."""
    verdict = _judge(bars=Bars(min_coverage=0.9), **standings)

    assert (verdict.passed, verdict.in_motion_only) == (passed, waits)
    assert bool(verdict.reasons) == (not passed and not waits)


def test_a_ranking_by_chance_makes_a_note() -> None:
    """Among few sources everything finds everything."""
    verdict = _judge(present=20)
    verdict.agreement.sources = 20

    assert verdict.passed
    assert verdict.notes[0].startswith("Among 20 sources a ranking by chance has a recall@10 of 0.53")


def test_the_summary_does_not_grow_with_the_corpus() -> None:
    """It goes through XCom."""
    told = _judge(present=10**9).summarize()

    assert (told["passed"], told["eligible"], told["coverage"]) == (True, 10**9, 1.0)
    assert len(str(told)) < 2000
