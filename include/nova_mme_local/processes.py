"""Starts and ends the stack's processes, and never takes a stranger's process for one of them."""

from __future__ import annotations

import calendar
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was started here.

    :ivar began: the machine's start, where it has a name, and 20 digits that say when after it the process began.
        They tell the process from a later one of the same pid.
    """

    pid: int
    began: str

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return self.is_in(read_table())

    def is_in(self, table: Mapping[int, Row]) -> bool:
        """Whether it is the process that the table has under its pid."""
        row = table.get(self.pid)
        return row is not None and row.began == self.began


@dataclass(frozen=True, slots=True)
class Row:
    """A running process in the system's table; those that only wait to be reaped are left out of the table."""

    pid: int
    parent: int
    group: int
    began: str

    def follows(self, leader: Process) -> bool:
        """Whether it began no earlier than the leader, and since the same start of the machine."""
        return self.began[:-20] == leader.began[:-20] and self.began >= leader.began


def start(
    command: Sequence[str], *, environment: Mapping[str, str], log: Path, directory: Path
) -> subprocess.Popen[bytes]:
    """Start a command as the leader of its own session, so that Ctrl-C reaches it only through us.

    Its output is appended to `log`.
    """
    with open(log, "ab") as output:
        return subprocess.Popen(
            command,
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def identify(pid: int) -> Process:
    """Return the process that has this pid now; what has ended already gets a beginning that nothing matches."""
    row = read_table().get(pid)
    return Process(pid, row.began if row else "ended")


def stop(processes: Sequence[Process], *, grace_seconds: float = 5.0) -> None:
    """Ask the processes to end, then end them and all that they started.

    A pid that belongs to another process by now is left alone. Returns when nothing of it runs any more.
    """
    table = read_table()
    family = find_family(processes, table)
    for process in processes:
        if process.pid in family:
            _signal(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while any(process.is_in(table) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.1)
        table = read_table()
        family |= find_family(processes, table)
    _end(processes, family)


def find_family(processes: Sequence[Process], table: Mapping[int, Row]) -> dict[int, Row]:
    """Return the processes with their groups and descendants, by pid.

    A dead leader's group counts, as workers survive a scheduler that was killed; the group of a pid that is
    someone else's by now does not. Descendants count whatever their group: Airflow gives each task its own.
    """
    groups = {p.pid: p for p in processes if p.pid not in table or p.is_in(table)}
    family = {
        pid: row for pid, row in table.items() if row.group in groups and row.follows(groups[row.group])
    }
    children: dict[int, list[Row]] = {}
    for row in table.values():
        children.setdefault(row.parent, []).append(row)
    waiting = list(family)
    while waiting:
        for row in children.get(waiting.pop(), []):
            if row.pid not in family:
                family[row.pid] = row
                waiting.append(row.pid)
    return family


def _end(processes: Sequence[Process], family: dict[int, Row]) -> None:
    """Kill what is left until nothing is; a child started in between is found in the next round."""
    for _ in range(200):
        table = read_table()
        family = {pid: row for pid, row in family.items() if pid in table and table[pid].began == row.began}
        family |= find_family(processes, table)
        if not family:
            return
        for pid in family:
            _signal(pid, signal.SIGKILL)
        time.sleep(0.02)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):  # it ended meanwhile
        return


def read_table() -> dict[int, Row]:
    """Return the running processes of this machine by pid."""
    return _read_proc() if sys.platform.startswith("linux") else _read_ps()


def _read_proc() -> dict[int, Row]:
    # Not `ps`: slim containers have none. Fields as in proc(5), counted after the name in parentheses.
    rows = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path("/proc", name, "stat").read_text(errors="replace")
        except OSError:  # it ended while we looked
            continue
        fields = stat.rpartition(")")[2].split()
        if fields[0] not in "ZX":
            rows[int(name)] = Row(int(name), int(fields[1]), int(fields[2]), f"{_BOOT} {int(fields[19]):020}")
    return rows


def _read_boot() -> str:
    """Return what tells this start of the machine from others: ticks since then say when a process began."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


_BOOT = _read_boot()


def _read_ps() -> dict[int, Row]:
    # macOS and the BSDs. The C locale and UTC: else the same moment could be written in two ways.
    answer = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,pgid=,stat=,lstart="],
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ.get("PATH", "/bin:/usr/bin")},
    )
    return parse_ps(answer.stdout)


def parse_ps(lines: str) -> dict[int, Row]:
    """Read what `ps` prints of pid, parent, group, state and start (`Fri Nov 21 01:05:29 2025`, in UTC)."""
    rows = {}
    for line in lines.splitlines():
        pid, parent, group, state, began = line.split(None, 4)
        if not state.startswith("Z"):
            seconds = calendar.timegm(time.strptime(began.strip(), "%a %b %d %H:%M:%S %Y"))
            rows[int(pid)] = Row(int(pid), int(parent), int(group), f"{seconds:020}")
    return rows
