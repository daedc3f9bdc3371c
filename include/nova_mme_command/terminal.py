"""What the commands print: results on stdout, everything else on stderr; plain unless a person is there to see it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from nova_mme.search.wording import flatten

# What JSON may hold as it is, and a terminal should not be sent: C1 controls, line separators, turned directions; and
# halves of surrogate pairs, as file names can have, which no encoding takes.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32"}
# A live line is drawn so often, in seconds.
_REDRAWN = 0.1
_GAP = "  "


@dataclass(slots=True)
class Terminal:
    """A command's two streams."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    _drawn: float = field(default=0.0, init=False)
    _is_live: bool = field(default=False, init=False)

    def say(self, text: str = "") -> None:
        """Print a part of the result."""
        print(text, file=self.out)

    def write_json(self, document: Any) -> None:
        """Print the one JSON document that is the result; every character in it is safe to look at."""
        is_unicode = "utf" in (getattr(self.out, "encoding", None) or "utf-8").lower()
        text = json.dumps(document, indent=2, ensure_ascii=not is_unicode)
        self.say(_UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))

    def tell(self, text: str) -> None:
        """Print a message; a live line gives way."""
        self.settle()
        print(text, file=self.err, flush=True)

    def live(self, text: str) -> None:
        """Show how far it is, in a line that the next one takes the place of; nothing where none can."""
        if not _can_redraw(self.err) or time.monotonic() - self._drawn < _REDRAWN:
            return
        width = shutil.get_terminal_size().columns - 1
        self.err.write(f"\r\x1b[K{text[:width]}")
        self.err.flush()
        self._drawn, self._is_live = time.monotonic(), True

    def settle(self) -> None:
        """Take the live line away."""
        if self._is_live:
            self.err.write("\r\x1b[K")
            self.err.flush()
            self._is_live = False

    def paint(self, text: str, style: str) -> str:
        """The text of the result in a style of ``_STYLES``, where there are any."""
        if not _can_redraw(self.out) or os.environ.get("NO_COLOR"):
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"

    def show_table(self, head: Sequence[str], rows: Sequence[Sequence[str]], *, right: str = "") -> None:
        """Print a table: numbers to the right; what it holds is flattened, whoever named it.

        :param right: the heads of columns that stand at the right, separated by spaces.
        """
        cells = [[flatten(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
        at_right = [name in right.split() for name in head]
        self.say(self.paint(_align(head, widths, at_right), "bold"))
        for row in cells:
            self.say(_align(row, widths, at_right))


def _align(cells: Sequence[str], widths: Sequence[int], at_right: Sequence[bool]) -> str:
    parts = (
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(cells, widths, at_right, strict=True)
    )
    return _GAP.join(parts).rstrip()


def _can_redraw(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"
