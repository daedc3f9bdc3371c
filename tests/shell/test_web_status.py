"""The web API's status: what is counted, how fresh it is, and that nobody waits for a long count."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from core.builders import make_run
from shell.web_site import Site

from nova_mme_airflow.web import status_board
from nova_mme_airflow.web.status_board import StatusBoard


def test_spaces_backlog_dead_letters_and_cost(site: Site) -> None:
    """Of the active space, from the ledger."""
    site.deployment.upload("cats.txt", b"cats at night " * 100)
    site.deployment.upload("empty.txt", b"")
    site.deployment.embed(make_run())

    told = site.get("/api/status")

    (space,) = told["spaces"]
    assert (space["state"], space["modalities"]["text"]["stored"]) == ("active", 1)
    assert told["backlog"] == {"submitted": 0, "failed": 1, "partial": 0, "missing": 0, "stale": 0}
    (letter,) = told["dead_letters"]["items"]
    assert (letter["uri"], letter["reason"]) == ("s3://media/empty.txt", "empty_file")
    assert letter["next_step"] == "Upload the file again with its content, or delete it."
    # 1,400 bytes are 350 tokens, at 0.135 dollars a million.
    assert told["cost"]["usd"] == pytest.approx(350 * 0.135 / 1e6, abs=1e-6)
    assert told["counting"] is None


def test_a_count_is_shown_again(site: Site) -> None:
    """The ledger is not read for each look at the page."""
    site.get("/api/status")
    before = site.deployment.calls("dynamodb.Scan")

    site.get("/api/status")

    assert site.deployment.calls("dynamodb.Scan") == before


_NO_CLIENTS: Any = SimpleNamespace(registry=None, settings=None)


class Slow:
    """An overview that ends when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.outcome = threading.Event(), {"as_of": 1}
        self.problem: Exception | None = None
        self.calls = 0
        monkeypatch.setattr(status_board, "take_overview", self.take)

    def take(self, registry: Any, settings: Any, *, watch: Any, **_: Any) -> dict[str, Any]:
        """Count three rows, then wait."""
        self.calls += 1
        for _ in range(3):
            watch(None)
        assert self.go.wait(10)
        if self.problem:
            raise self.problem
        return self.outcome


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    """A slow overview."""
    return Slow(monkeypatch)


def _board() -> StatusBoard:
    return StatusBoard()


def test_nobody_waits_for_a_long_count(slow: Slow) -> None:
    """How far it is, meanwhile; two who ask share one count, and the second has what it found."""
    board = _board()

    first = board.show(_NO_CLIENTS, patience=0.05)
    slow.go.set()
    second = board.show(_NO_CLIENTS, patience=10)

    assert first == {"counting": 3}
    assert second == {"as_of": 1, "counting": None}
    assert slow.calls == 1


def test_an_old_count_is_shown_while_the_next_one_runs(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    """With how far that one is."""
    monkeypatch.setattr(status_board, "_FRESH_SECONDS", -1.0)
    monkeypatch.setattr(status_board, "_SHARE", 0)
    board = _board()
    slow.go.set()
    board.show(_NO_CLIENTS, patience=10)
    slow.go.clear()

    shown = board.show(_NO_CLIENTS, patience=0.05)
    slow.go.set()

    assert shown == {"as_of": 1, "counting": 3}


def test_a_failed_count_is_told_though_nobody_waited(slow: Slow) -> None:
    """Once; then it is tried again."""
    from nova_mme.errors import BadSetting

    board = _board()
    slow.problem = BadSetting("There is no table.")
    board.show(_NO_CLIENTS, patience=0.05)
    counting = board._counting
    slow.go.set()
    assert counting is not None
    assert isinstance(counting.exception(10), BadSetting)

    with pytest.raises(BadSetting, match="There is no table"):
        board.show(_NO_CLIENTS, patience=10)
    slow.problem = None
    assert board.show(_NO_CLIENTS, patience=10) == {"as_of": 1, "counting": None}


def test_a_count_outlives_the_clients(site: Site) -> None:
    """They are made anew after five minutes; a long count goes on, and a fresh one is shown."""
    from nova_mme_airflow.web.deployment import Deployments

    deployments = Deployments(0.0)
    first = deployments.open()
    first.opened -= 1000

    second = deployments.open()

    assert second is not first
    assert second.board is first.board
