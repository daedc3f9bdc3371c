"""`make bench`: the figures that this project watches, measured on the machine it runs on.

Ratios inside one run are what counts: absolute times move with the machine and with what else it does.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def judge(good: bool) -> str:
    """The word at the end of a line that has a target."""
    return "pass" if good else "FAIL"
