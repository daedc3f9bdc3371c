"""What the commands print is calm in a file and lively on a terminal, and never wider than 100 columns."""

from __future__ import annotations

import io

import pytest

from nova_mme_local.screen import Phases, Screen, draw_table


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal with colours."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def test_live_lines_take_the_place_of_those_before(terminal: Terminal) -> None:
    """Two lines are drawn, taken back, and one is drawn; a line that stays takes back the last."""
    screen = Screen(terminal)
    screen.live(["one", "two"])
    screen.live(["three"])
    screen.say("stays")
    assert terminal.getvalue() == "one\ntwo\n\x1b[2F\x1b[Jthree\n\x1b[1F\x1b[Jstays\n"


def test_live_lines_are_cut_to_the_width(terminal: Terminal) -> None:
    """A wrapped line could not be taken back."""
    Screen(terminal).live(["x" * 300])
    assert terminal.getvalue() == "x" * 99 + "\n"


def test_a_file_gets_neither_colours_nor_live_lines() -> None:
    """Only what stays, as it is."""
    file = io.StringIO()
    screen = Screen(file)
    screen.live(["one"])
    screen.say(screen.paint("stays", "green"))
    assert file.getvalue() == "stays\n"


def test_no_color_is_respected(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR takes the colours away, not the live lines."""
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen(terminal)
    assert screen.paint("plain", "red") == "plain"
    assert screen.is_live


def test_long_texts_are_wrapped() -> None:
    """No line is over 100 columns, and the indentation is kept."""
    file = io.StringIO()
    Screen(file).wrap("word " * 60, "    ")
    lines = file.getvalue().splitlines()
    assert len(lines) > 1
    assert all(line.startswith("    word") and len(line) <= 100 for line in lines)


def test_a_table_is_aligned() -> None:
    """Names to the left, numbers to the right, a rule below the head."""
    assert draw_table([["what", "n"], ["a", "100"]], indent="") == ["what    n", "----  ---", "a     100"]


def test_phases_add_up() -> None:
    """Each phase is named with its seconds, even one that failed, and the sum is there."""
    phases = Phases()

    def fail() -> None:
        with phases.phase("second"):
            raise ValueError("it failed")

    with phases.phase("first"):
        pass
    with pytest.raises(ValueError, match="it failed"):
        fail()
    phases.seconds = {name: seconds + 2 for name, seconds in phases.seconds.items()}
    assert phases.show() == "first 2 s, second 2 s; 4 s in all"
