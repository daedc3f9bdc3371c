"""A ranked table for a log or a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from nova_mme.search.batch import Reply
from nova_mme.search.wording import flatten, tell_place

_QUERY_CHARACTERS = 200


def render_table(reply: Reply, most: int) -> str:
    """A heading, then two lines a source: rank, score, modality, place and URI; and the snippet, where there is one.

    :param most: sources that are shown; the heading tells how many there are.
    """
    asked = flatten(reply.asked)
    short = asked if len(asked) <= _QUERY_CHARACTERS else f"{asked[:_QUERY_CHARACTERS]}…"
    heading = f"Query {reply.number}: {short}"
    if reply.answer is None:
        return f"{heading}\n  {flatten(reply.problem)}"
    results, way = reply.answer.results, reply.answer.way
    rows = [
        (f"{rank}", f"{item.score:.3f}", flatten(item.modality), tell_place(item.best), flatten(item.uri))
        for rank, item in enumerate(results[:most], 1)
    ]
    head = ("", "score", "modality", "span", "source")
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        f"{heading}\n  {_tell_count(len(results), most)}; space {reply.answer.space}, {way.strategy} at "
        f"{way.dimension}; {reply.answer.seconds:.2f} s"
    ]
    if rows:
        lines.append(_row(head, widths))
    indent = " " * (sum(widths[:-1]) + 2 * len(widths))
    for row, item in zip(rows, results, strict=False):
        lines.append(_row(row, widths))
        if item.best.snippet:
            lines.append(f"{indent}{flatten(item.best.snippet)}")
    return "\n".join(lines)


def _tell_count(count: int, most: int) -> str:
    told = "1 source" if count == 1 else f"{count:,} sources"
    return f"{told}, the first {most} of them" if count > most else told


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    rank, score, *others = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "  " + "  ".join((rank.strip().rjust(widths[0]), score, *others)).rstrip()
