"""`python -m nova_mme_local`: it can be interrupted at any time, and says in a sentence what does not work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nova_mme_local.processes import read_table

ROOT = Path(__file__).resolve().parents[2]


class Command:
    """A running command, with what it prints in a file."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home = home
        self._output = home.with_suffix(".out")
        with open(self._output, "w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nova_mme_local", *arguments, "--home", str(home)],
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT / "include"),
                    "AIRFLOW_PORT": "0",
                    "LOCAL_AWS_PORT": "0",
                },
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """What it printed so far."""
        return self._output.read_text()

    def started(self) -> list[int]:
        """The pids of what it has noted as started."""
        try:
            note = json.loads((self.home / "stack.json").read_text())
        except (OSError, ValueError):
            return []
        return [component["process"]["pid"] for component in note["components"]]

    def wait_for_start(self, count: int) -> list[int]:
        """Return the pids as soon as it has started so many processes."""
        deadline = time.monotonic() + 60
        while len(self.started()) < count:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.01)
        return self.started()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A stack's directory; whatever still runs for it afterwards is an error, and ended."""
    yield tmp_path / "home"
    left = [p for p in psutil.process_iter(["environ"]) if str(tmp_path) in str(p.info["environ"])]
    for process in left:
        process.kill()
    assert left == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("count", [1, 2])
def test_an_interrupted_start_leaves_nothing(home: Path, number: int, count: int) -> None:
    """Whether the first process was just started or more of them, all are ended, and it says so."""
    command = Command(home, "up")
    pids = command.wait_for_start(count)
    command.process.send_signal(number)
    assert command.process.wait(timeout=60) == 130
    assert "Nothing that was started is left running" in command.said
    assert "Traceback" not in command.said
    assert not set(pids) & set(read_table())
    assert not (home / "stack.json").exists()


def test_down_ends_what_a_killed_start_left(home: Path) -> None:
    """Even when `up` itself is killed, the next command knows what it had started."""
    command = Command(home, "up")
    pids = command.wait_for_start(3)  # the third migrates the database, and `up` waits for it
    command.process.kill()
    command.process.wait()
    down = Command(home, "down")
    assert down.process.wait(timeout=60) == 0
    assert "Stopped" in down.said
    assert not set(pids) & set(read_table())


def test_two_starts_at_once_do_not_mix(home: Path) -> None:
    """The second says that another is at work, and touches nothing."""
    first = Command(home, "up")
    first.wait_for_start(1)
    second = subprocess.run(
        [sys.executable, "-m", "nova_mme_local", "up", "--home", str(home)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "include"), "AIRFLOW_PORT": "0", "LOCAL_AWS_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 1
    assert "Another command is starting or stopping the stack" in second.stderr
    first.process.send_signal(signal.SIGINT)
    assert first.process.wait(timeout=60) == 130


def test_a_wrong_port_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AIRFLOW_PORT has to be a number that a port can have."""
    ran = subprocess.run(
        [sys.executable, "-m", "nova_mme_local", "up", "--home", str(home)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "include"), "AIRFLOW_PORT": "eighty"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 1
    assert "AIRFLOW_PORT is 'eighty'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_demo_refuses_a_folder_without_media_before_it_starts_anything(
    home: Path, tmp_path: Path
) -> None:
    """A mistake in MEDIA costs a second, not a start."""
    empty = tmp_path / "empty"
    empty.mkdir()
    command = Command(home, "demo", "--media", str(empty))
    assert command.process.wait(timeout=60) == 1
    assert f"Nothing in {empty} can be embedded" in command.said
    assert command.started() == []
