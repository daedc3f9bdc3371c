"""The command line as a whole: exit codes, one sentence for what does not work, and never a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from command.conftest import Run
from core.deployment import Deployment

from nova_mme_command.deployment import VARIABLE
from nova_mme_local.ports import find_free_port

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("search",),
        ("search", "cats", "--file", "cat.png"),
        ("search", "cats", "--json", "--context"),
        ("search", "cats", "--top-k", "0"),
        ("search", "cats", "--dimension", "512"),
        ("search", " "),
        ("search", "x" * 8193),
        ("search", "cats", "--condition", "start <"),
        ("search", "cats", "--strategy", "hierarchical", "--dimension", "256"),
        ("search", "--source", "cat.png"),
        ("search", "caf\udce9"),
        ("store",),
        ("store", "create", "notes", "--dimension", "512"),
        ("index", "*.md"),
        ("index", "*.md", "--store", "notes", "--chunk-characters", "99"),
        ("index", "*.md", "--store", "notes", "--chunk-characters", "200", "--overlap", "100"),
        ("query", "", "--store", "notes"),
        ("query", "cats", "--store", "notes", "--top-k", "101"),
    ],
)
def test_a_wrong_command_line(deployment: Deployment, run: Run, arguments: tuple[str, ...]) -> None:
    """Exit code 2, an explanation on stderr, and nothing on stdout; the model is not asked."""
    done = run(*arguments)

    assert (done.code, done.out) == (2, "")
    assert done.err.strip()
    assert deployment.calls("bedrock-runtime.InvokeModel") == 0


def test_no_deployment_is_named(empty: Deployment, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says how to name one."""
    monkeypatch.delenv(VARIABLE)

    done = run("status")

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("No deployment is named. Give --settings FILE")


def test_settings_from_a_file(deployment: Deployment, run: Run, tmp_path: Path) -> None:
    """They go before the environment's."""
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({**asdict(deployment.settings), "ledger_table": "other"}))

    done = run("--settings", file, "status")

    assert done.code == 1
    assert "Is there a table 'other'? Run setup_embeddings" in done.err


def test_a_message_is_one_that_can_be_looked_at(empty: Deployment, run: Run, tmp_path: Path) -> None:
    """Whatever the name in it does to a terminal."""
    done = run("--settings", tmp_path / "a\x1b[31m\u202e.json", "status")

    assert done.code == 1
    assert done.err == f"The settings {tmp_path}/a [31m.json cannot be read: No such file or directory.\n"


def test_nothing_is_set_up(empty: Deployment, run: Run) -> None:
    """Every command says so."""
    for arguments in (
        ("status",),
        ("store", "list"),
        ("search", "cats"),
        ("query", "cats", "--store", "notes"),
    ):
        done = run(*arguments)

        assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
        assert "Run setup_embeddings" in done.err


def test_aws_does_not_answer(empty: Deployment, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is named."""
    url = f"http://127.0.0.1:{find_free_port()}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)

    done = run("store", "list")

    assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
    assert f"AWS_ENDPOINT_URL is {url}: does the local stack run" in done.err


def test_there_are_no_credentials(deployment: Deployment, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to set is said."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    done = run("store", "list")

    assert (done.code, done.out) == (1, "")
    assert "without credentials" in done.err
    assert "AWS_PROFILE" in done.err


def test_aws_says_no(deployment: Deployment, run: Run) -> None:
    """Its sentence is told in one line, whatever is in it."""
    deployment.put_faults(
        {
            "operation": "s3vectors.ListIndexes",
            "code": "AccessDeniedException",
            "status": 403,
            "message": "not\nfor\x1b[31m you",
        }
    )

    done = run("store", "list")

    assert done.code == 1
    assert done.err == (
        "ListIndexes: AccessDeniedException: not for [31m you. Let the role that you use do this.\n"
    )


@pytest.fixture
def alarm() -> Iterator[None]:
    """Press Ctrl-C in a second, unless it is over by then."""

    def press(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, press)
    signal.setitimer(signal.ITIMER_REAL, 1)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_ctrl_c(deployment: Deployment, run: Run, alarm: None) -> None:
    """Ends what waits, with 130 and a word."""
    deployment.put_faults({"operation": "s3vectors.ListIndexes", "delay_seconds": 30})

    done = run("store", "list")

    assert (done.code, done.out, done.err) == (130, "", "\nInterrupted.\n")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_ROOT / "include")}


def test_whoever_reads_has_seen_enough(deployment: Deployment) -> None:
    """As `| head` does: no complaint."""
    end, start = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "nova_mme", "store", "list"],
        stdout=start,
        stderr=subprocess.PIPE,
        env=_environment(),
    )
    os.close(start)
    os.close(end)

    assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 1


def test_the_entry_point(deployment: Deployment) -> None:
    """`python -m nova_mme` is this."""
    done = subprocess.run(
        [sys.executable, "-m", "nova_mme", "store", "list", "--json"],
        capture_output=True,
        env=_environment(),
        timeout=60,
        check=True,
    )

    assert len(json.loads(done.stdout)["stores"]) == 4
