"""What a terminal gets, and what a file gets."""

from __future__ import annotations

import io
import json

import pytest
from command.conftest import Keyboard

from nova_mme_command.terminal import Terminal


def test_a_plain_table() -> None:
    """Numbers to the right, no colour, no trailing space, and nothing that would break a line."""
    out = io.StringIO()

    Terminal(out, io.StringIO()).show_table(("name", "count"), [("a\nb", "1"), ("c", "1,000")], right="count")

    assert out.getvalue() == "name  count\na b       1\nc     1,000\n"


def test_colours(keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal only, and not where NO_COLOR is set or the terminal is dumb."""
    terminal = Terminal(keyboard.stream, io.StringIO())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert terminal.paint("a", "bold") == "\x1b[1ma\x1b[0m"
    assert Terminal(io.StringIO()).paint("a", "bold") == "a"

    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal.paint("a", "bold") == "a"

    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert terminal.paint("a", "bold") == "a"


def test_a_live_line_gives_way(keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a message; and is never longer than the terminal is wide."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "10")
    terminal = Terminal(io.StringIO(), keyboard.stream)

    terminal.live("0123456789abc")
    terminal.tell("done")

    assert keyboard.seen("done\r\n") == "\r\x1b[K012345678\r\x1b[Kdone\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_json_whatever_the_encoding(encoding: str) -> None:
    """It can be written, and read again."""
    raw = io.BytesIO()
    document = {"text": "naïve 猫 \x1b\x85\u202e \ud83d \U0001f408"}

    out = io.TextIOWrapper(raw, encoding=encoding)
    Terminal(out).write_json(document)
    out.flush()

    assert json.loads(raw.getvalue().decode(encoding)) == document
    assert b"\x1b" not in raw.getvalue()
