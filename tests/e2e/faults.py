"""What the tests do to a running stack: kill its processes, clear and mark its tasks; and a stack that notices soon."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import requests

from nova_mme_local.launch import LOCAL_AWS, Launch
from nova_mme_local.processes import Process, Row, find_family, read_table
from nova_mme_local.stack import Stack
from nova_mme_local.stackfile import Component, Note

T = TypeVar("T")

# Airflow takes minutes to miss a worker, a scheduler or a triggerer that is gone; here it takes seconds.
SOON = {
    "AIRFLOW__CORE__PARALLELISM": "10",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "12",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "3",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
}

# What Airflow reads at the start of each of its processes. The DAGs' own 20 s between two tries would be most of the
# tests' time; what a task does when the triggerer gives it back is over too soon to be interrupted; and on SQLite the
# api-server, which writes its log of actions in its event loop, can wait there for a writer that cannot end meanwhile:
# it is to give up soon, and the others, which would end with an error, late.
LOCAL_SETTINGS = """
import sys
import time
from datetime import timedelta

from sqlalchemy import event
from sqlalchemy.engine import Engine

PATIENCE = 1000 if "api-server" in sys.argv else 20000


@event.listens_for(Engine, "connect")
def set_patience(connection, record):
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {PATIENCE}")
    cursor.close()


def linger_when_resumed(context):
    resumed = context["ti"]._ti_context_from_server.next_method
    if resumed and "in-resume" in context["params"].get("prefix", ""):
        time.sleep(5)


def task_policy(task):
    task.retry_delay = timedelta(seconds=1)
    task.on_execute_callback = [linger_when_resumed]
"""


@contextmanager
def open_stack(home: Path, *, job_seconds: float = 5.0) -> Iterator[Stack]:
    """A stack that notices soon what was killed, and tries again at once."""
    folder = home / "airflow" / "config"
    folder.mkdir(parents=True)
    (folder / "airflow_local_settings.py").write_text(LOCAL_SETTINGS)
    with Stack(home, extra_env=SOON, job_seconds=job_seconds) as running:
        yield running


def until(look: Callable[[], T], what: str, *, timeout: float = 240.0, every: float = 0.5) -> T:
    """Look until there is something to be seen, and return it.

    :raises TimeoutError: when there is still nothing after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"After {timeout:.0f} s: no {what}.")
        time.sleep(every)
    return seen


@dataclass(frozen=True, slots=True)
class TaskInstance:
    """One task of a shard in a run: looked at and interfered with through Airflow's REST API."""

    stack: Stack
    dag_id: str
    run_id: str
    task_id: str
    map_index: int = 0

    def look(self) -> dict[str, Any]:
        """What Airflow says of it: `state`, `try_number`, `pid` and more; its state is None before it exists."""
        answer = Airflow(self.stack).ask("GET", self._path)
        return answer.json() if answer.ok else {"state": None, "try_number": 0, "pid": None}

    def await_state(self, *states: str, every: float = 0.5) -> dict[str, Any]:
        """Return what Airflow says of it as soon as it is in one of these states."""

        def is_in() -> dict[str, Any] | None:
            seen = self.look()
            return seen if seen["state"] in states else None

        return until(is_in, f"{self.task_id} in {states}", every=every)

    def clear(self, *, downstream: bool = True) -> None:
        """Have it run again, whatever its state; what follows it too, as the UI does by default."""
        body = {
            "dry_run": False,
            "dag_run_id": self.run_id,
            "only_failed": False,
            "include_downstream": downstream,
            "task_ids": [[self.task_id, self.map_index]],
        }
        Airflow(self.stack).ask("POST", f"dags/{self.dag_id}/clearTaskInstances", body).raise_for_status()

    def mark_failed(self) -> None:
        """Have Airflow regard it as failed, whatever its state."""
        Airflow(self.stack).ask("PATCH", self._path, {"new_state": "failed"}).raise_for_status()

    def kill(self, *, supervisor: bool = True) -> None:
        """SIGKILL the process that carries it out, once it does, and the worker process that watches over it."""
        task = until(self.find_process, f"process of {self.task_id}", every=0.1)
        for pid in [task.parent, task.pid] if supervisor else [task.pid]:
            os.kill(pid, signal.SIGKILL)

    def await_end(self, process: Row | None) -> None:
        """Return when a process that has carried it out has ended; Airflow asks it to only after a heartbeat."""
        if process:
            until(lambda: not Process(process.pid, process.began).is_alive(), f"end of {process}")

    def find_process(self) -> Row | None:
        """The process that carries it out now, if one does."""
        seen = self.look()
        if seen["state"] != "running" or not seen["pid"]:
            return None
        family = find_family([component.process for component in components(self.stack)], read_table())
        return family.get(seen["pid"])

    @property
    def _path(self) -> str:
        run = quote(self.run_id, safe="")
        return f"dags/{self.dag_id}/dagRuns/{run}/taskInstances/{self.task_id}/{self.map_index}"


@dataclass(frozen=True, slots=True)
class Airflow:
    """The stack's REST API, asked again when it is too busy to answer: every request here may be repeated."""

    stack: Stack

    def start(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run; returns its id."""
        run_id = f"test-{uuid.uuid4()}"
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        answer = self.ask("POST", f"dags/{dag_id}/dagRuns", body)
        assert answer.ok or answer.status_code == 409, answer.text  # 409: it was started, though unanswered
        return run_id

    def finish(self, dag_id: str, run_id: str) -> str:
        """Wait for a run's end; returns its state."""

        def end() -> str:
            state = str(self.ask("GET", f"dags/{dag_id}/dagRuns/{run_id}").json()["state"])
            return state if state in ("success", "failed") else ""

        return until(end, f"end of {dag_id} {run_id}", timeout=400, every=1.0)

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        """The answer to a request; what it refuses is the caller's to judge."""
        url = f"{self.stack.airflow_url}/api/v2/{path}"

        def answer() -> list[requests.Response]:
            try:
                given = requests.request(method, url, json=body, headers=self._headers(), timeout=30)
            except (requests.ConnectionError, requests.Timeout):
                return []
            return [given] if given.status_code < 500 else []

        return until(answer, f"answer to {method} {path}")[0]

    def _headers(self) -> dict[str, str]:
        url = self.stack.airflow_url
        if url not in _TOKENS:
            _TOKENS[url] = requests.get(f"{url}/auth/token", timeout=30).json()["access_token"]
        return {"Authorization": f"Bearer {_TOKENS[url]}"}


_TOKENS: dict[str, str] = {}


def read_jobs(stack: Stack) -> dict[str, float]:
    """Local AWS's own figures of async jobs: `started`, `in_flight` and more, and the StartAsyncInvokes `answered`."""
    stats = requests.get(f"{stack.aws_url}/_local/stats", timeout=30).json()
    answered = stats["operations"].get("bedrock-runtime.StartAsyncInvoke", 0)
    return {**stats["async_jobs"], "answered": answered}


def components(stack: Stack) -> tuple[Component, ...]:
    """The processes that the stack has noted, those started again included."""
    note = Note.read(stack.home / "stack.json")
    assert note is not None, "the stack does not run"
    return note.components


@dataclass
class Wreckage:
    """Kills the stack's components, and starts them again; what it has started ends with the stack."""

    stack: Stack
    started: list[Launch] = field(default_factory=list)

    def kill(self, name: str, *, with_children: bool = False) -> None:
        """SIGKILL a component; its children (a scheduler's workers) live on, unless they are to die with it."""
        component = [c for c in components(self.stack) if c.name == name][-1]
        victims = find_family([component.process], read_table()) if with_children else [component.process.pid]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        until(lambda: not component.process.is_alive(), f"end of the {name}")

    def mend(self) -> None:
        """Start again what is dead."""
        alive = {c.name for c in components(self.stack) if c.process.is_alive()}
        for name in {c.name for c in components(self.stack)} - alive:
            self.start(name)

    def start(self, name: str, *, job_seconds: float = 5.0) -> None:
        """Start a component again, at its old address, and return when local AWS answers again."""
        home = self.stack.home
        note = Note.read(home / "stack.json")
        assert note is not None
        launch = Launch(
            note, file=home / "stack.json", logs=self.stack.logs, environment=self.stack.environment
        )
        self.started.append(launch)
        if name == LOCAL_AWS:
            launch.start_local_aws(port=note.local_aws_port, data=home / "aws", job_seconds=job_seconds)
            launch.await_local_aws(self.stack.aws_url)
        else:
            launch.start_airflow(name)
