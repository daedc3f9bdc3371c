"""The plan bench: its runs plan what they say, and the table says whether the targets are met."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nova_mme.modality import Modality
from nova_mme_local.bench.plan import Figures, run_once, tabulate
from nova_mme_local.bench.plan_run import plan_made_up

_SMALL = Figures(sources=100_000, seconds=4.0, cpu=4.0, peak=50_000_000, due=10_000)
_LARGE = Figures(sources=1_000_000, seconds=45.0, cpu=45.0, peak=51_000_000, due=100_000)


def test_the_made_up_ledger_is_as_it_is_told() -> None:
    """Of a thousand of each kind, 90 in a hundred are up to date."""
    found = plan_made_up("current", 10_000)

    assert found.counts == {
        "unchanged": 9000,
        "stale_recipe": 400,
        "new": 300,
        "retried": 200,
        "changed": 100,
    }
    assert set(found.estimate.parts) == set(Modality)


def test_everything_is_due_in_a_new_space() -> None:
    """And measured by the old one's rows, where they tell."""
    found = plan_made_up("new", 10_000)

    assert (found.counts, found.left) == ({"new": 10_000}, 5_000)
    # 94 in a hundred tell; images and texts need no row.
    assert found.estimate.rough == 6 * 10_000 * 6 // 1000


def test_a_run_tells_what_it_took() -> None:
    """In a process of its own."""
    figures = run_once("current", 2_000)

    assert (figures.sources, figures.due) == (2_000, 200)
    assert min(figures.seconds, figures.cpu) > 0
    assert figures.peak > 20_000_000


def test_the_table_tells_ratios_and_verdicts() -> None:
    """All targets met: a pass for each."""
    lines = list(tabulate([_SMALL, _LARGE], _SMALL))

    assert [line.split()[-1] for line in lines if line.endswith(("pass", "FAIL"))] == ["pass"] * 3
    assert "1.12x" in next(line for line in lines if "time per source" in line)
    assert "22,222" in next(line for line in lines if "the least" in line)


@pytest.mark.parametrize(
    ("large", "line"),
    [
        (replace(_LARGE, cpu=49.99), ""),
        (replace(_LARGE, peak=56_000_000), "peak memory"),
    ],
    ids=["none", "memory"],
)
def test_a_missed_target_is_told(large: Figures, line: str) -> None:
    """In its own line, and in no other."""
    failed = [text.strip() for text in tabulate([_SMALL, large], _SMALL) if text.endswith("FAIL")]

    assert [text.startswith(line) for text in failed] == ([True] if line else [])


def test_a_slow_planner_misses_two_targets() -> None:
    """Its rate, and that it grows."""
    failed = [
        text.split()[0] for text in tabulate([_SMALL, replace(_LARGE, cpu=60.0)], _SMALL) if "FAIL" in text
    ]

    assert failed == ["sources/s,", "time"]
