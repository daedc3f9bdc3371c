"""What the commands print: calm lines of at most 100 columns; colours and live lines on a terminal only."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

WIDTH = 100
_COLOURS = {"green": "32", "red": "31", "dim": "2", "bold": "1"}


class Screen:
    """A terminal or a file to print on."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self.is_live = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._coloured = self.is_live and not os.environ.get("NO_COLOR")
        self._drawn = 0

    def say(self, text: str = "") -> None:
        """Print lines that stay; live ones give way."""
        self.live([])
        print(text, file=self._stream, flush=True)

    def wrap(self, text: str, indent: str = "") -> None:
        """Print a text of any length, its lines indented."""
        for line in text.splitlines():
            self.say(textwrap.fill(line, WIDTH, initial_indent=indent, subsequent_indent=indent))

    def live(self, lines: Sequence[str]) -> None:
        """Show lines in the place of those shown live before; nothing where nothing can be taken back."""
        if not self.is_live or not (lines or self._drawn):
            return
        width = min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH) - 1
        back = f"\x1b[{self._drawn}F\x1b[J" if self._drawn else ""
        self._stream.write(back + "".join(f"{line[:width]}\n" for line in lines))
        self._stream.flush()
        self._drawn = len(lines)

    def paint(self, text: str, colour: str) -> str:
        """Return the text in a colour of _COLOURS, where there are colours."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._coloured else text


class Phases:
    """How long each part of a command took, in seconds, in order."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what happens in the block, even when it fails."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started

    def show(self) -> str:
        """Return one line: `start 21 s, upload 1 s; 22 s in all`."""
        parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self.seconds.items())
        return f"{parts}; {sum(self.seconds.values()):.0f} s in all"


def draw_table(rows: Sequence[Sequence[str]], *, indent: str = "  ") -> list[str]:
    """Return the lines of a table: a head, a rule and rows; the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        lines.append((indent + "  ".join(cells)).rstrip())
    lines.insert(1, indent + "  ".join("-" * width for width in widths))
    return lines
