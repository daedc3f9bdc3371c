"""Exactly the processes that were started are ended, with all that they started, and no stranger with them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nova_mme_local import processes
from nova_mme_local.interrupts import hold_interrupts
from nova_mme_local.processes import Process

# Starts a child in a process group of its own, as Airflow does with tasks, writes both pids, and waits.
_PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session={own_session})
print(os.getpid(), child.pid, flush=True)
{then}
"""


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return when the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], list[Process]]]:
    """Start a Python program and return the processes whose pids it prints; all are gone afterwards."""
    children, everyone = list[subprocess.Popen[bytes]](), list[Process]()

    def _start(code: str) -> list[Process]:
        log = tmp_path / f"log{len(children)}"
        child = processes.start(
            [sys.executable, "-c", code], environment=os.environ, log=log, directory=tmp_path
        )
        children.append(child)
        wait_for(lambda: log.read_text().endswith("\n"))
        found = [processes.identify(int(pid)) for pid in log.read_text().split()]
        everyone.extend(found)
        return found

    yield _start
    for process in everyone:
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
    for child in children:
        child.wait()


def parent(*, own_session: bool = False, then: str = "time.sleep(600)") -> str:
    """The code of a program with a child."""
    return _PARENT.format(own_session=own_session, then=then)


@pytest.mark.parametrize("own_session", [False, True])
def test_ends_a_process_with_its_children(start: Callable[[str], list[Process]], own_session: bool) -> None:
    """A child goes with its parent, in its group or out of it."""
    leader, child = start(parent(own_session=own_session))
    assert leader.is_alive()
    assert child.is_alive()
    processes.stop([leader])
    assert not leader.is_alive()
    assert not child.is_alive()


def test_kills_what_does_not_end_by_itself(start: Callable[[str], list[Process]]) -> None:
    """A process that ignores SIGTERM is given its grace, no more."""
    stubborn, child = start(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + parent(then="time.sleep(600)")
    )
    started = time.monotonic()
    processes.stop([stubborn], grace_seconds=0.5)
    assert not stubborn.is_alive()
    assert not child.is_alive()
    assert 0.4 < time.monotonic() - started < 5


def test_lets_a_process_end_in_its_own_way(start: Callable[[str], list[Process]], tmp_path: Path) -> None:
    """A process that cleans up on SIGTERM has the time to."""
    trace = tmp_path / "cleaned"
    code = (
        "import os, signal, sys, time\n"
        f"def end(*_): time.sleep(0.3); open({str(trace)!r}, 'w').close(); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\nprint(os.getpid(), flush=True)\ntime.sleep(600)"
    )
    processes.stop(start(code))
    assert trace.exists()


def test_ends_the_group_of_a_dead_leader(start: Callable[[str], list[Process]]) -> None:
    """Workers that outlived their killed parent are found."""
    leader, orphan = start(parent())
    os.kill(leader.pid, signal.SIGKILL)
    wait_for(lambda: not leader.is_alive())
    assert orphan.is_alive()
    processes.stop([leader])
    assert not orphan.is_alive()


def test_leaves_a_recycled_pid_alone(start: Callable[[str], list[Process]]) -> None:
    """A process that began at another time than was noted is someone else's, and so are its children."""
    stranger, child = start(parent())
    boot, ticks = stranger.began[:-20], int(stranger.began[-20:])
    processes.stop([Process(stranger.pid, f"{boot}{ticks - 1:020}")])
    assert stranger.is_alive()
    assert child.is_alive()


def test_leaves_groups_from_before_a_restart_of_the_machine_alone(
    start: Callable[[str], list[Process]],
) -> None:
    """A group without its leader is only ours when it began since the same start of the machine."""
    leader, orphan = start(parent())
    os.kill(leader.pid, signal.SIGKILL)
    wait_for(lambda: not leader.is_alive())
    processes.stop([Process(leader.pid, "an earlier start " + leader.began[-20:])])
    assert orphan.is_alive()


def test_reads_what_ps_prints_on_macos() -> None:
    """Parents, groups and beginnings are taken over; what has ended is not."""
    table = processes.parse_ps(
        "    1     0     1 Ss   Fri Nov 21 00:00:09 2025    \n"
        "  501     1   501 S+   Fri Nov  7 23:59:59 2025\n"
        "  502   501   501 Z    Fri Nov 21 01:05:29 2025\n"
    )
    assert set(table) == {1, 501}
    assert (table[501].parent, table[501].group) == (1, 501)
    assert table[501].began < table[1].began
    assert Process(501, table[501].began).is_in(table)


def test_a_process_that_ended_unreaped_is_not_alive() -> None:
    """What only waits for its parent to take note of its end does not count as running."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    process = processes.identify(child.pid)
    wait_for(lambda: not process.is_alive())
    assert child.wait() == 0


def test_ctrl_c_waits_for_the_end_of_a_held_block() -> None:
    """Inside the block nothing is interrupted; at its end the interrupt comes."""
    reached = []

    def work() -> None:
        with hold_interrupts():
            signal.raise_signal(signal.SIGINT)
            reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == ["the end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
