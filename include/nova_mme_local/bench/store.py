"""The store step beside plain boto3: from an output file in S3 to four indexes, on one core.

Each run is a fresh process; the sink that serves the file and swallows the vectors is another. CPU time per
segment is the steady figure: seconds move with what else the machine does, and always upwards, which is why the
best round is told.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from nova_mme.space import DIMENSIONS
from nova_mme_local.bench import ROOT, judge
from nova_mme_local.bench.sink import DISTINCT_LINES as SEGMENTS

RATE_TARGET = 3_000
RATIO_TARGET = 15.0
MEMORY_TARGET_MB = 150
# How much more a file ten times as long may take: the allocator's noise, not the file.
GROWTH_MB = 25

# Amazon S3 user guide, "S3 Vectors limitations and restrictions": vectors written and deleted, a second and index.
SERVICE_RATE = 2_500

_ROUNDS = 3
# Plain boto3 takes the same for each segment: a quarter of them is enough.
_PLAIN_SEGMENTS = SEGMENTS // 4
_LONG = 10 * SEGMENTS


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run took: seconds of the clock and of one core, and bytes of resident memory at their peak."""

    segments: int
    seconds: float
    cpu: float
    peak: int

    @property
    def rate(self) -> float:
        """Segments a second; each is a vector in each of the four indexes."""
        return self.segments / self.seconds

    @property
    def cost(self) -> float:
        """CPU microseconds a segment."""
        return self.cpu / self.segments * 1e6

    @property
    def peak_mb(self) -> float:
        """Megabytes of resident memory, the imports included."""
        return self.peak / 1e6


def measure() -> None:
    """Print the table."""
    print(f"Store: {SEGMENTS:,} segments into four indexes over loopback HTTP, one core, best of {_ROUNDS}:")
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 2:
        print(f"  (load {load:.0f} on {cores} cores: without it, what goes by the clock would be better)")
    with run_sink() as url:
        ours, plain = list[Figures](), list[Figures]()
        for _ in range(_ROUNDS):  # in turn, so that a slower moment hits both
            ours.append(run_once("ours", url, SEGMENTS))
            plain.append(run_once("plain", url, _PLAIN_SEGMENTS))
        long = run_once("ours", url, _LONG)
    print("\n".join(tabulate(ours, plain, long)))


def tabulate(ours: Sequence[Figures], plain: Sequence[Figures], long: Figures) -> Iterator[str]:
    """The lines of the table: plain boto3, this project, the target, and whether it is met."""
    rate, plain_rate = (max(run.rate for run in runs) for runs in (ours, plain))
    cost, plain_cost = (min(run.cost for run in runs) for runs in (ours, plain))
    peak, plain_peak = (max(run.peak_mb for run in runs) for runs in (ours, plain))
    ratio, indexes = plain_cost / cost, len(DIMENSIONS)
    yield f"  {'':<34}{'boto3 lists':>12}{'this project':>14}   target"
    yield _line("segments/s", plain_rate, rate, f">= {RATE_TARGET:,}", rate >= RATE_TARGET)
    yield _line("vectors/s, all indexes", plain_rate * indexes, rate * indexes)
    quota = "% of the service's 2,500/s/index"
    yield _line(quota, plain_rate / SERVICE_RATE * 100, rate / SERVICE_RATE * 100)
    yield _line("CPU us/segment", plain_cost, cost)
    yield _line("  times less", None, ratio, f">= {RATIO_TARGET:g}", ratio >= RATIO_TARGET)
    small = peak < MEMORY_TARGET_MB
    yield _line("peak resident MB", plain_peak, peak, f"< {MEMORY_TARGET_MB}", small)
    flat = long.peak_mb < min(MEMORY_TARGET_MB, peak + GROWTH_MB)
    yield _line(f"  {_LONG:,} segments", None, long.peak_mb, f"< {MEMORY_TARGET_MB}, flat", flat)


def _line(name: str, plain: float | None, ours: float, target: str = "", good: bool | None = None) -> str:
    beside = "" if plain is None else f"{plain:,.0f}"
    word = "" if good is None else judge(good)
    shown = f"{ours:,.1f}" if ours < 100 else f"{ours:,.0f}"
    return f"  {name:<34}{beside:>12}{shown:>14}   {target:<14}{word}".rstrip()


@contextmanager
def run_sink() -> Iterator[str]:
    """A sink in a process of its own; yields its address."""
    command = [sys.executable, "-m", "nova_mme_local.bench.sink"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=_environment(), **pipes) as process:
        assert process.stdin
        assert process.stdout
        try:
            if not (url := process.stdout.readline().strip()):
                raise RuntimeError(f"The sink did not start; run it to see why: {' '.join(command)}")
            yield url
        finally:
            process.stdin.close()  # it ends with that


def run_once(way: str, url: str, segments: int) -> Figures:
    """One run in a fresh process: ``ours`` or ``plain``."""
    command = [sys.executable, "-m", "nova_mme_local.bench.store_run", way, url, str(segments)]
    done = subprocess.run(command, env=_environment(), check=True, stdout=subprocess.PIPE, text=True)
    return Figures(segments, **json.loads(done.stdout))


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "include")}


if __name__ == "__main__":
    measure()
