"""The gate's two plots as inline SVG: no script, no request, colours from the page's own style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 420, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 12, 26, 48
_STEPS = 10
_TICKS = 5
_BREAK = "\n"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    :ivar value: its height, in the plot's unit.
    :ivar label: what is written below it, in one line or two; ``told``: above it.
    :ivar is_good: whether it reaches what it must reach.
    """

    value: float
    label: str
    told: str
    is_good: bool = True


def plot_recall(values: Sequence[tuple[str, float, float]]) -> str:
    """Bars of recall@10, 0..1, each with the line that it must reach.

    :param values: label (of two lines at the most), recall and bar of each.
    """
    bars = [Bar(value, label, f"{value:.2f}", value >= least) for label, value, least in values]
    marks = [least for *_, least in values]
    told = "; ".join(
        f"{label.replace(_BREAK, ' ')}: {value:.2f}, at least {least:.2f} needed"
        for label, value, least in values
    )
    return _draw("recall-plot", "recall@10 by dimension", told, bars, 1.0, marks, axis="")


def plot_distribution(recalls: Sequence[float]) -> str:
    """How many queries have which recall@10, to the nearest tenth.

    :param recalls: 0..1 each, at least one.
    """
    counts = [0] * (_STEPS + 1)
    for value in recalls:
        counts[round(value * _STEPS)] += 1
    bars = [Bar(count, f"{step / _STEPS:.1f}", str(count or "")) for step, count in enumerate(counts)]
    told = "; ".join(f"{step / _STEPS:.1f}: {count}" for step, count in enumerate(counts) if count)
    title = "queries by recall@10, new against old"
    return _draw(
        "distribution-plot", title, told, bars, _round_up(max(counts)), [], axis="recall@10 of a query"
    )


def _round_up(count: int) -> int:
    """The next number that five ticks divide evenly, or the count itself when it has fewer."""
    return count if count <= _TICKS else -(-count // _TICKS) * _TICKS


def _draw(
    name: str, title: str, told: str, bars: Sequence[Bar], top: float, marks: Sequence[float], *, axis: str
) -> str:
    step = (_WIDTH - _LEFT - _RIGHT) / len(bars)
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="{name}-title {name}-told">',
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-told">{escape(told)}</desc>',
        *_draw_grid(top),
        *(part for number, bar in enumerate(bars) for part in _draw_bar(bar, number, step, top)),
        *(_draw_mark(mark, number, step, top) for number, mark in enumerate(marks)),
        f'<text x="{_WIDTH / 2:.0f}" y="{_HEIGHT - 6}" class="axis">{escape(axis)}</text>' if axis else "",
        "</svg>",
    ]
    return "".join(parts)


def _draw_grid(top: float) -> list[str]:
    # Counts are whole: a grid finer than one would say the same number twice.
    ticks = _TICKS if isinstance(top, float) else min(_TICKS, top)
    parts = []
    for number in range(ticks + 1):
        value = top * number / ticks
        y = _y(value, top)
        text = f"{value:.1f}" if isinstance(top, float) else f"{value:.0f}"
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" class="tick">{text}</text>')
    return parts


def _draw_bar(bar: Bar, number: int, step: float, top: float) -> list[str]:
    middle, width, y = _LEFT + (number + 0.5) * step, min(56.0, step * 0.7), _y(bar.value, top)
    kind = "good" if bar.is_good else "bad"
    height = _y(0, top) - y
    return [
        f'<rect x="{middle - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{kind}"/>',
        f'<text x="{middle:.1f}" y="{y - 6:.1f}" class="told">{escape(bar.told)}</text>',
        *(
            f'<text x="{middle:.1f}" y="{_y(0, top) + 16 * row:.1f}" class="label">{escape(line)}</text>'
            for row, line in enumerate(bar.label.split(_BREAK), 1)
        ),
    ]


def _draw_mark(value: float, number: int, step: float, top: float) -> str:
    left, y = _LEFT + number * step, _y(value, top)
    return f'<line x1="{left + 4:.1f}" x2="{left + step - 4:.1f}" y1="{y:.1f}" y2="{y:.1f}" class="mark"/>'


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - (value / top if top else 0.0) * (_HEIGHT - _TOP - _BOTTOM)
