"""How far a campaign is, in figures and in one line."""

from __future__ import annotations

import orjson
import pytest

from nova_mme.migration.campaign import Progress


def test_the_rest_takes_as_long_as_its_share() -> None:
    """A failed source took its time as well; before the first one ended nobody knows."""
    assert Progress(100, 15, 5, seconds=60).eta_seconds == 240
    assert Progress(100, 95, 5, seconds=60).eta_seconds == 0
    assert Progress(100, seconds=60).eta_seconds is None
    assert Progress(5, 7, 0).left == 0


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (Progress(), "0 of 0 sources done, 0 failed, 0 left; $0.00 spent."),
        (
            Progress(2000, 1500, 100, spent_usd=12.5, limit_usd=1000, seconds=3200),
            "1,500 of 2,000 sources done (75%), 100 failed, 400 left; $12.50 of $1,000.00 spent, "
            "about 13 min to go.",
        ),
        (
            Progress(20, 1, 0, seconds=600, stopped=True, limit_usd=0.0),
            "1 of 20 sources done (5%), 0 failed, 19 left; $0.00 of $0.00 spent, about 3 h 10 min to go; "
            "stopped: the money that was allowed is spent.",
        ),
        (Progress(2, 2, seconds=9), "2 of 2 sources done (100%), 0 failed, 0 left; $0.00 spent."),
    ],
    ids=["nothing", "under way", "stopped", "over"],
)
def test_progress_is_one_line(progress: Progress, line: str) -> None:
    """For people, in the log and on the page."""
    assert progress.tell() == line


def test_progress_is_a_small_document() -> None:
    """Of plain numbers, for XCom."""
    told = Progress(100, 15, 5, spent_usd=1 / 3, limit_usd=1.0, seconds=61.26)

    assert orjson.loads(orjson.dumps(told.summarize())) == {
        "planned": 100,
        "done": 15,
        "failed": 5,
        "left": 80,
        "spent_usd": 0.333333,
        "limit_usd": 1.0,
        "seconds": 61.3,
        "eta_seconds": 245.0,
        "stopped": False,
    }
