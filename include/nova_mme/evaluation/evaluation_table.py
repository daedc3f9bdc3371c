"""An evaluation for a terminal: what was looked at, a table of the ways, and what to choose."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from nova_mme.evaluation.advice import advise, warn
from nova_mme.evaluation.assessment import Assessment, Figure
from nova_mme.evaluation.effort import count_bytes, estimate_dollars
from nova_mme.search.wording import flatten

HEAD = (
    "way",
    "recall@10",
    "95 %",
    "reads",
    "$ a million",
    "median ms",
    "p95 ms",
    "served",
    "overlap",
    "CPU ms",
    "of its own",
    "reads at 10M",
    "$ at 10M",
)
# A terminal has room for so many of them.
_SHOWN = 8
_WIDTH = 100
_ABSENT = "-"
_MANY = 10_000_000
_UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def render_table(assessment: Assessment) -> str:
    """Lines for a terminal; no untrusted text in them."""
    rows = [row[:_SHOWN] for row in (HEAD, *describe_figures(assessment))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [*_wrap(flatten(describe_corpus(assessment))), "", *(_line(row, widths) for row in rows), ""]
    for sentence in advise(assessment):
        lines += _wrap(sentence, "* ")
    notes = warn(assessment)
    lines += ["", "Before you believe it:"] if notes else []
    for note in notes:
        lines += _wrap(flatten(note), "* ")
    return "\n".join(lines)


def _wrap(text: str, mark: str = "") -> list[str]:
    return wrap(text, _WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.rjust(width) if place else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(("", first, *others)).rstrip()


def describe_corpus(assessment: Assessment) -> str:
    """What was looked at, in a sentence."""
    some = f"a sample of {assessment.taken:,} of " if assessment.is_sample else ""
    origin = "of a file" if assessment.given else "drawn from the corpus"
    return (
        f"{assessment.queries:,} queries {origin}, among {some}{assessment.total:,} vectors of {assessment.sources:,} "
        f"sources in the space {assessment.space}."
    )


def describe_figures(assessment: Assessment) -> list[tuple[str, ...]]:
    """The cells of each way's row, as :data:`HEAD` names them."""
    return [_describe(figure, assessment.total) for figure in assessment.figures]


def _describe(figure: Figure, total: int) -> tuple[str, ...]:
    way, trial = figure.way, figure.trial
    recall = figure.recall
    served, own = (_average(trial.served), _average(trial.faithful)) if trial else (_ABSENT, _ABSENT)
    return (
        figure.name,
        f"{recall.value:.3f}",
        f"{recall.low:.3f} to {recall.high:.3f}",
        tell_bytes(count_bytes(way, total)),
        f"{estimate_dollars(way, total):,.2f}",
        f"{trial.median_ms:.1f}" if trial else _ABSENT,
        f"{trial.slow_ms:.1f}" if trial else _ABSENT,
        served,
        f"{figure.overlap:.3f}",
        f"{trial.cpu_ms:.1f}" if trial else _ABSENT,
        own,
        tell_bytes(count_bytes(way, _MANY)),
        f"{estimate_dollars(way, _MANY):,.2f}",
    )


def _average(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.3f}" if values else _ABSENT


def tell_bytes(count: int) -> str:
    """A size in decimal units, as AWS bills: ``1.02 GB``."""
    size, unit = next(((size, unit) for size, unit in _UNITS if count >= size), (1.0, "B"))
    return f"{count / size:.3g} {unit}" if unit != "B" else f"{count} B"
