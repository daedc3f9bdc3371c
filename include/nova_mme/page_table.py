"""A table of a page that is kept for people to read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def render_table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], figures: Iterable[int] = ()
) -> str:
    """A table of heads and cells that are HTML already, which scrolls where it is too wide; empty without rows.

    :param caption: plain text.
    :param figures: the columns that are set to the right.
    """
    if not rows:
        return ""
    right = set(figures)
    kinds = [' class="figure"' if place in right else "" for place in range(len(head))]
    names = "".join(f'<th scope="col"{kind}>{name}</th>' for kind, name in zip(kinds, head, strict=True))
    body = "".join(f"<tr>{_cells(row, kinds)}</tr>" for row in rows)
    told = escape(caption)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{told}"><table><caption>{told}'
        f"</caption><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(row: Sequence[str], kinds: Sequence[str]) -> str:
    first, *others = row
    return f'<th scope="row">{first}</th>' + "".join(
        f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds[1:], others, strict=True)
    )
