"""The planner of a backfill on a generated bucket and ledger: does a source cost the same in a large one, and how much?

Each run is a fresh process on one core. Time per source is CPU time: seconds move with what else the machine does.
The listing's and DynamoDB's answers come from a stand-in; over the network their reading comes on top.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nova_mme_local.bench import ROOT, judge

SIZES = (100_000, 300_000, 1_000_000)
RATE_TARGET = 20_000
TIME_TARGET = 1.3
MEMORY_TARGET = 1.1

# The same machine's next run may be slower by a tenth: each size is run twice, and the better one counts.
_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run took: seconds of the clock and of one core, bytes at the peak; and how many sources were due."""

    sources: int
    seconds: float
    cpu: float
    peak: int
    due: int

    @property
    def rate(self) -> float:
        """Sources a second of one core."""
        return self.sources / self.cpu

    @property
    def cost(self) -> float:
        """CPU microseconds a source."""
        return self.cpu / self.sources * 1e6

    @property
    def peak_mb(self) -> float:
        """Megabytes of resident memory, the imports included."""
        return self.peak / 1e6


def measure() -> None:
    """Print the table."""
    print(f"Plan of a backfill, one core, best of {_ROUNDS}; the ledger is generated, 90 % of it up to date:")
    runs = [_best("current", size) for size in SIZES]
    print("\n".join(tabulate(runs, _best("new", SIZES[0]))))


def tabulate(runs: Sequence[Figures], new: Figures) -> Iterator[str]:
    """The lines of the table: a line per size, then how the largest compares with the smallest.

    :param new: a run into a new space, where every source is due and measured.
    """
    yield f"  {'sources':<22}{'due':>10}{'sources/s':>12}{'CPU us/source':>15}{'peak MB':>10}"
    yield from (_line(f"{run.sources:,}", run) for run in runs)
    yield _line(f"{new.sources:,}, new space", new)
    first, last = runs[0], runs[-1]
    rate = min(run.rate for run in runs)
    time_ratio, memory_ratio = last.cost / first.cost, last.peak / first.peak
    yield _verdict("sources/s, the least", f"{rate:,.0f}", f">= {RATE_TARGET:,}", rate >= RATE_TARGET)
    yield _verdict("time per source", f"{time_ratio:.2f}x", f"<= {TIME_TARGET:g}x", time_ratio <= TIME_TARGET)
    yield _verdict(
        "peak memory", f"{memory_ratio:.2f}x", f"<= {MEMORY_TARGET:g}x", memory_ratio <= MEMORY_TARGET
    )


def _line(name: str, run: Figures) -> str:
    return f"  {name:<22}{run.due:>10,}{run.rate:>12,.0f}{run.cost:>15.1f}{run.peak_mb:>10.1f}"


def _verdict(name: str, shown: str, target: str, good: bool) -> str:
    return f"  {name:<32}{shown:>12}   {target:<12}{judge(good)}"


def _best(way: str, sources: int) -> Figures:
    return min((run_once(way, sources) for _ in range(_ROUNDS)), key=lambda run: run.cpu)


def run_once(way: str, sources: int) -> Figures:
    """One run in a fresh process: into the ``current`` space or a ``new`` one."""
    command = [sys.executable, "-m", "nova_mme_local.bench.plan_run", way, str(sources)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "include")}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return Figures(sources, **json.loads(done.stdout))


if __name__ == "__main__":
    measure()
