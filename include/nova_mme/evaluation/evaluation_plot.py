"""Recall against bytes and against time, as inline SVG: no script, no request, colours from the page's own style."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from nova_mme.evaluation.assessment import Assessment, Figure
from nova_mme.evaluation.effort import count_bytes
from nova_mme.search.request import Strategy

_WIDTH, _HEIGHT = 480, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 20, 20, 52
_TICKS = 5
# Labels closer than this would be written over each other: across, and down.
_LABEL_WIDTH, _LABEL_HEIGHT = 110, 15
_DOT = 5
_BYTE_TICKS = (1024, 1536, 4096, 12288)
# Room beside the outermost points, in octaves.
_MARGIN = 0.35


@dataclass(frozen=True, slots=True)
class Point:
    """A way to search in a plot.

    :ivar across: bytes or milliseconds.
    """

    name: str
    across: float
    recall: float
    low: float
    high: float
    is_flat: bool

    @classmethod
    def of(cls, figure: Figure, across: float) -> Point:
        """A figure's point."""
        recall = figure.recall
        is_flat = figure.way.strategy is Strategy.FLAT
        return cls(figure.name, across, recall.value, recall.low, recall.high, is_flat)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where values are drawn."""

    across: Callable[[float], float]
    least: float

    def x(self, value: float) -> float:
        return _LEFT + self.across(value) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, recall: float) -> float:
        share = (recall - self.least) / (1 - self.least)
        return _HEIGHT - _BOTTOM - max(share, 0.0) * (_HEIGHT - _TOP - _BOTTOM)


def plot_bytes(assessment: Assessment) -> str:
    """recall@10 against the bytes that one search reads for each vector of the index; logarithmic."""
    points = [
        Point.of(figure, count_bytes(figure.way, assessment.total) / assessment.total)
        for figure in assessment.figures
    ]
    low, high = (math.log2(end(point.across for point in points)) for end in (min, max))
    low, high = low - _MARGIN, high + _MARGIN
    scale = _Scale(lambda value: (math.log2(value) - low) / (high - low), _find_least(points))
    ticks = [(float(value), f"{value:,}") for value in _BYTE_TICKS]
    title = "recall@10 by bytes"
    return _draw("bytes-plot", title, points, scale, ticks, "bytes that a search reads, per vector")


def plot_time(assessment: Assessment) -> str:
    """recall@10 against the median time of a search; empty when none was made."""
    points = [
        Point.of(figure, figure.trial.median_ms) for figure in assessment.figures if figure.trial is not None
    ]
    if not points:
        return ""
    step = _choose_step(max(point.across for point in points))
    most = step * _TICKS
    scale = _Scale(lambda value: value / most, _find_least(points))
    ticks = [(step * number, f"{step * number:g}") for number in range(_TICKS + 1)]
    return _draw("time-plot", "recall@10 by time", points, scale, ticks, "median milliseconds of a search")


def _choose_step(most: float) -> float:
    """One, two or five times a power of ten, so that five steps hold the largest value."""
    power = 10.0 ** math.floor(math.log10(max(most, 1e-3) / _TICKS))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power * _TICKS >= most)


def _find_least(points: Sequence[Point]) -> float:
    return min(math.floor(min(point.low for point in points) * 10) / 10, 0.9)


def _draw(
    name: str,
    title: str,
    points: Sequence[Point],
    scale: _Scale,
    ticks: Sequence[tuple[float, str]],
    axis: str,
) -> str:
    told = "; ".join(f"{point.name}: recall {point.recall:.3f} at {point.across:,.1f}" for point in points)
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="{name}-title {name}-told">',
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-told">{escape(told)}, {axis}</desc>',
        *_draw_grid(scale),
        *_draw_ticks(scale, ticks),
        _draw_line([point for point in points if point.is_flat], scale),
        *(_draw_point(point, scale) for point in points),
        *_draw_labels(points, scale),
        f'<text x="{(_WIDTH + _LEFT) / 2:.0f}" y="{_HEIGHT - 8}" class="axis">{escape(axis)}</text></svg>',
    ]
    return "".join(parts)


def _draw_grid(scale: _Scale) -> list[str]:
    parts = []
    for number in range(_TICKS + 1):
        value = scale.least + (1 - scale.least) * number / _TICKS
        y = scale.y(value)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" class="tick">{value:.2f}</text>')
    return parts


def _draw_ticks(scale: _Scale, ticks: Sequence[tuple[float, str]]) -> list[str]:
    y = _HEIGHT - _BOTTOM
    places = [(scale.x(value), text) for value, text in ticks if 0 <= scale.across(value) <= 1]
    return [
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + 4}" class="grid"/>'
        f'<text x="{x:.1f}" y="{y + 18}" class="label">{text}</text>'
        for x, text in places
    ]


def _draw_line(points: Sequence[Point], scale: _Scale) -> str:
    path = " ".join(f"{scale.x(point.across):.1f},{scale.y(point.recall):.1f}" for point in points)
    return f'<polyline points="{path}" class="path"/>'


def _draw_point(point: Point, scale: _Scale) -> str:
    x, y = scale.x(point.across), scale.y(point.recall)
    low, high = scale.y(point.low), scale.y(point.high)
    if point.is_flat:
        mark = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_DOT}" class="flat"/>'
    else:
        side = 2 * _DOT
        mark = f'<rect x="{x - _DOT:.1f}" y="{y - _DOT:.1f}" width="{side}" height="{side}" class="hierarchical"/>'
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" class="range"/>{mark}'


def _draw_labels(points: Sequence[Point], scale: _Scale) -> list[str]:
    """A name beside each point, farther down where another one is written already."""
    placed: list[tuple[float, float]] = []
    parts = []
    for point in sorted(points, key=lambda point: (-point.recall, -point.across)):
        x, y = scale.x(point.across), scale.y(point.recall) + _LABEL_HEIGHT + 2
        while any(abs(x - other) < _LABEL_WIDTH and abs(y - down) < _LABEL_HEIGHT for other, down in placed):
            y += 1
        placed.append((x, y))
        is_right = x > _WIDTH - _RIGHT - _LABEL_WIDTH
        side = ("end", x - _DOT - 3) if is_right else ("start", x + _DOT + 3)
        parts.append(
            f'<text x="{side[1]:.1f}" y="{y:.1f}" class="told {side[0]}">{escape(point.name)}</text>'
        )
    return parts
