"""The store bench: both ways do the same work against the sink, and the table says whether the targets are met."""

from __future__ import annotations

import urllib.request
from dataclasses import replace

import pytest

from nova_mme_local.bench.sink import make_lines
from nova_mme_local.bench.store import Figures, run_once, run_sink, tabulate

_GOOD = Figures(segments=1900, seconds=0.5, cpu=0.4, peak=120_000_000)
_PLAIN = Figures(segments=475, seconds=3.0, cpu=2.9, peak=200_000_000)


@pytest.fixture(scope="module")
def sink() -> object:
    """A running sink."""
    with run_sink() as url:
        yield url


def test_the_sink_serves_what_a_job_would_have_written(sink: str) -> None:
    """A summary that names the file, and the file's lines."""
    with urllib.request.urlopen(f"{sink}/bench/3/embedding-video.jsonl", timeout=30) as answer:
        assert answer.read() == b"".join(make_lines(3))


@pytest.mark.parametrize("way", ["ours", "plain"])
def test_a_run_stores_every_segment(sink: str, way: str) -> None:
    """Or it fails; what it took is not nothing."""
    figures = run_once(way, sink, 30)

    assert figures.segments == 30
    assert min(figures.seconds, figures.cpu) > 0
    assert figures.peak > 20_000_000


def test_the_table_tells_ratio_and_verdicts() -> None:
    """All targets met: a pass for each."""
    lines = list(tabulate([_GOOD], [_PLAIN], replace(_GOOD, segments=19_000)))

    assert [line.split()[-1] for line in lines if line.endswith(("pass", "FAIL"))] == ["pass"] * 4
    assert "29.0" in next(line for line in lines if "times less" in line)
    assert "3,800" in next(line for line in lines if "segments/s" in line)


@pytest.mark.parametrize(
    ("ours", "long", "line"),
    [
        (replace(_GOOD, seconds=1.0), _GOOD, "segments/s"),
        (replace(_GOOD, cpu=1.0), _GOOD, "times less"),
        (replace(_GOOD, peak=160_000_000), _GOOD, "peak resident MB"),
        (_GOOD, replace(_GOOD, peak=149_000_000), "19,000 segments"),
    ],
    ids=["rate", "ratio", "memory", "growth"],
)
def test_a_missed_target_is_told(ours: Figures, long: Figures, line: str) -> None:
    """In its own line, and in no other."""
    lines = list(tabulate([ours], [_PLAIN], long))

    assert [text.strip().startswith(line) for text in lines if text.endswith("FAIL")] == [True]
