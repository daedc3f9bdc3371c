"""One start of the stack: its processes in the order of their needs, each noted the moment it exists."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from nova_mme_local import processes
from nova_mme_local.airflow_api import AirflowApi
from nova_mme_local.airflow_settings import ROOT
from nova_mme_local.interrupts import hold_interrupts
from nova_mme_local.stackerror import StackError
from nova_mme_local.stackfile import Component, Note

LOCAL_AWS = "local-aws"
API_SERVER = "api-server"
SCHEDULER = "scheduler"
DAG_PROCESSOR = "dag-processor"
TRIGGERER = "triggerer"
NAMES = (LOCAL_AWS, API_SERVER, SCHEDULER, DAG_PROCESSOR, TRIGGERER)

_MIGRATION = "db-migrate"
_TAIL = 15

# Their log servers would listen on all addresses of the machine. The api-server reads the same files itself.
_OPTIONS = {SCHEDULER: ["--skip-serve-logs"], TRIGGERER: ["--skip-serve-logs"]}

# The api-server writes its log of actions from its event loop, where waiting for SQLite's lock keeps the very
# request from ending that holds it: all of Airflow stands still meanwhile. It had better fail soon, and be asked again.
_DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
_PATIENT, _IMPATIENT = "?timeout=20", "?timeout=1"


class Launch:
    """Starts processes, and gives up with a sentence as soon as one of them has ended."""

    def __init__(
        self, note: Note, *, file: Path, logs: Path, environment: Mapping[str, str], timeout: float = 240.0
    ) -> None:
        self.note = note
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self._file = file
        self._logs = logs
        self._environment = environment
        self._timeout = timeout

    def start_local_aws(self, *, port: int, data: Path, job_seconds: float) -> None:
        """Start local AWS; it answers a few seconds later."""
        options = ["--port", str(port), "--data", str(data), "--job-seconds", str(job_seconds)]
        self._start(LOCAL_AWS, ["nova_mme_local.aws", *options])

    def await_local_aws(self, url: str) -> None:
        """Return when local AWS answers."""
        self._wait(lambda: answers(url), "local AWS")

    def start_airflow(self, name: str) -> None:
        """Start one of Airflow's components."""
        self._start(name, ["airflow", name, *_OPTIONS.get(name, [])])

    def migrate(self) -> None:
        """Bring Airflow's database to this version; returns when that is done."""
        self._start(_MIGRATION, ["airflow", "db", "migrate"])
        child = self.children.pop(_MIGRATION)
        self._wait(lambda: child.poll() is not None, "the database")
        self.note = self.note.without(_MIGRATION)
        self.note.write(self._file)
        if child.returncode != 0:
            raise StackError(self._explain(_MIGRATION, child.returncode))

    def await_health(self, api: AirflowApi, aws_url: str, report: Callable[[dict[str, bool]], None]) -> None:
        """Return when everything is healthy; `report` is told of every look at it.

        :raises StackError: when a process ends, or it takes too long.
        """

        first_task_call = _FirstTaskCall(api.url)

        def is_healthy() -> bool:
            state = read_health(api, aws_url)
            if state[API_SERVER]:
                first_task_call.send()
            state[API_SERVER] = first_task_call.is_answered()
            report(state)
            return all(state.values())

        self._wait(is_healthy, "the stack")

    def _start(self, name: str, module: Sequence[str]) -> None:
        log = self._logs / f"{name}.log"
        if log.exists():
            log.replace(log.with_suffix(".before.log"))
        command = [sys.executable, "-m", *module]
        environment = dict(self._environment)
        if name == API_SERVER and _DATABASE in environment:
            environment[_DATABASE] = environment[_DATABASE].replace(_PATIENT, _IMPATIENT)
        with hold_interrupts():  # a process that exists is noted, whatever happens
            child = processes.start(command, environment=environment, log=log, directory=ROOT)
            self.children[name] = child
            self.note = self.note.with_component(Component(name, processes.identify(child.pid), str(log)))
            self.note.write(self._file)

    def _wait(self, is_done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + self._timeout
        while not is_done():
            for name, child in self.children.items():
                if child.poll() is not None:
                    raise StackError(self._explain(name, child.returncode))
            if time.monotonic() > deadline:
                raise StackError(
                    f"After {self._timeout:.0f} s {what} was not ready. The logs are in {self._logs}."
                )
            time.sleep(0.1)

    def _explain(self, name: str, code: int) -> str:
        log = self._logs / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines()[-_TAIL:] if log.exists() else []
        said = "\n".join(f"  {line}" for line in lines) or "  (it said nothing)"
        return f"The {name} ended while it started, with exit code {code}. The end of its log, {log}:\n{said}"


class _FirstTaskCall:
    """The first call of the API that tasks use. The api-server builds that API only now, which takes seconds: longer
    than a task waits for its answer, so that the first tasks would try again and again."""

    def __init__(self, airflow_url: str) -> None:
        self._url = f"{airflow_url}/execution/health"
        self._thread = threading.Thread(target=self._call, daemon=True)

    def send(self) -> None:
        """Make the call in the background; once is enough."""
        if self._thread.ident is None:
            self._thread.start()

    def is_answered(self) -> bool:
        """Whether the answer came, whatever it was."""
        return self._thread.ident is not None and not self._thread.is_alive()

    def _call(self) -> None:
        with suppress(OSError):
            open_local(self._url, timeout=120)


def open_local(url: str, *, timeout: float) -> bytes:
    """Return the body at an address of this machine, by way of no proxy.

    :raises OSError: when there is no answer, or a refusal.
    """
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=timeout) as answer:
        body: bytes = answer.read()
    return body


def read_health(api: AirflowApi, aws_url: str) -> dict[str, bool]:
    """Return whether each component of the stack is healthy."""
    airflow = api.health()
    healthy = {name: airflow.get(name.replace("-", "_")) == "healthy" for name in NAMES[2:]}
    return {LOCAL_AWS: answers(aws_url), API_SERVER: airflow.get("metadatabase") == "healthy", **healthy}


def answers(aws_url: str) -> bool:
    """Whether local AWS answers at this address."""
    try:
        return bool(json.loads(open_local(f"{aws_url}/_local/health", timeout=5))["status"] == "ok")
    except (OSError, ValueError, KeyError):
        return False
