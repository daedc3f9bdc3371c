"""A small client of Airflow's REST API: enough to start runs, wait for them, and read what became of them."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
FINISHED = ("success", "failed")

# A server of this machine: never by way of a proxy.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class AirflowError(Exception):
    """Airflow refused a request, or did not answer it."""


class NotThere(AirflowError):
    """What a request asked about does not exist (HTTP 404)."""


class AirflowApi:
    """Airflow at `url`, without a password, as the local stack runs it. Every method may raise AirflowError."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._token = ""

    def health(self) -> dict[str, str]:
        """Return each component's status, `healthy` or `unhealthy`; empty while nothing answers."""
        try:
            status = self._send("GET", "/api/v2/monitor/health", None)
        except AirflowError:
            return {}
        return {name: (status.get(name) or {}).get("status") or "unhealthy" for name in COMPONENTS}

    def get(self, path: str, **query: Any) -> Any:
        """Return the answer to GET /api/v2/<path>."""
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path)

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None, *, timeout: float = 60.0) -> str:
        """Start a run and return its id; a DAG that is not parsed yet is waited for.

        :raises AirflowError: with what the DAG file's import said, when the DAG does not appear in `timeout` seconds.
        """
        self.await_dag(dag_id, timeout=timeout)
        body = {"logical_date": None, "conf": dict(conf or {})}
        run_id: str = self._call("POST", f"dags/{quote(dag_id)}/dagRuns", body)["dag_run_id"]
        return run_id

    def await_dag(self, dag_id: str, *, timeout: float = 60.0) -> None:
        """Return when the DAG's file was read without an error.

        :raises AirflowError: with what the DAG files' imports said, when that is not so in `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not self._is_usable(dag_id):
            if time.monotonic() > deadline:
                raise AirflowError(
                    f"Airflow has no usable DAG {dag_id!r} after {timeout:.0f} s. {self.explain_imports()}"
                )
            time.sleep(0.2)

    def explain_imports(self) -> str:
        """Return what is wrong with DAG files, as lines."""
        errors = [f"{name}: {said.strip()}" for name, said in self.import_errors().items()]
        return "\n".join(errors) or "No DAG file failed to import."

    def _is_usable(self, dag_id: str) -> bool:
        try:
            dag = self.get(f"dags/{quote(dag_id)}")
        except NotThere:
            return False
        return not (dag["is_stale"] or dag["has_import_errors"])

    def import_errors(self) -> dict[str, str]:
        """Return what is wrong with DAG files, by file name."""
        found = self.get("importErrors", limit=100)["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in found}

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return a run: `state`, `start_date`, `end_date` and more."""
        answer: dict[str, Any] = self.get(_run_path(dag_id, run_id))
        return answer

    def wait(self, dag_id: str, run_id: str, timeout: float = 300.0) -> str:
        """Return the run's final state, `success` or `failed`.

        :raises AirflowError: when it is not finished after `timeout` seconds; the message has its tasks' states.
        """
        deadline = time.monotonic() + timeout
        while (state := self.run(dag_id, run_id)["state"]) not in FINISHED:
            if time.monotonic() > deadline:
                tasks = ((task["task_id"], task["state"]) for task in self.task_instances(dag_id, run_id))
                raise AirflowError(f"{dag_id} {run_id} is {state} after {timeout:.0f} s: {list(tasks)}")
            time.sleep(0.3)
        return str(state)

    def await_idle(self, prefix: str, *, timeout: float = 120.0) -> bool:
        """Return True when no DAG whose id starts with `prefix` runs, or is due to; False after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not self._is_idle(prefix):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)
        return True

    def _is_idle(self, prefix: str) -> bool:
        now = datetime.now(UTC)
        dags = self.get("dags", dag_id_pattern=f"{prefix}%", paused="false", limit=100)["dags"]
        due = (dag["next_dagrun_run_after"] for dag in dags if dag["dag_id"].startswith(prefix))
        if any(at and datetime.fromisoformat(at) <= now for at in due):
            return False
        runs = (
            run
            for state in ("queued", "running")
            for run in self.get("dags/~/dagRuns", state=state, limit=100)["dag_runs"]
        )
        return not any(run["dag_id"].startswith(prefix) for run in runs)

    def has_succeeded(self, dag_id: str) -> bool:
        """Whether a run of a DAG ever did."""
        path = f"dags/{quote(dag_id)}/dagRuns"
        return bool(self.get(path, state="success", limit=1)["total_entries"])

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return a run's task instances: `task_id`, `map_index`, `state`, `try_number` and more."""
        path, found = f"{_run_path(dag_id, run_id)}/taskInstances", list[dict[str, Any]]()
        while True:
            page = self.get(path, limit=100, offset=len(found))
            found += page["task_instances"]
            if not page["task_instances"] or len(found) >= page["total_entries"]:
                return found

    def xcom(
        self, dag_id: str, run_id: str, task_id: str, map_index: int = -1, *, key: str = "return_value"
    ) -> Any:
        """Return what a task pushed; None when it pushed nothing."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}/xcomEntries/{quote(key)}"
        try:
            value = self.get(path, map_index=map_index, stringify="false", deserialize="false")["value"]
        except NotThere:
            return None
        return value

    def log(
        self, dag_id: str, run_id: str, task_id: str, *, map_index: int = -1, try_number: int = 1
    ) -> list[Any]:
        """Return the lines of an attempt's log: objects with `event`, and often `level`, `logger` and more."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}/logs/{try_number}"
        lines: list[Any] = self.get(path, map_index=map_index, full_content="true")["content"]
        return lines

    def pause(self, dag_id: str, paused: bool = True) -> None:
        """Pause a DAG, or let it go on."""
        self._call("PATCH", f"dags/{quote(dag_id)}?update_mask=is_paused", {"is_paused": paused})

    def set_variable(self, key: str, value: Any) -> None:
        """Set an Airflow Variable, to JSON unless the value is a text.

        One that is set in the environment, as the stack's `nova_mme` is, keeps that value in tasks.
        """
        body = {"key": key, "value": value if isinstance(value, str) else json.dumps(value)}
        try:
            self._call("PATCH", f"variables/{quote(key, safe='')}", body)
        except NotThere:
            self._call("POST", "variables", body)

    def clear(
        self, dag_id: str, run_id: str, *, task_ids: Iterable[str] = (), only_failed: bool = False
    ) -> None:
        """Let a run's tasks run again: all of them, those named, or those that failed."""
        body: dict[str, Any] = {"dry_run": False, "dag_run_id": run_id, "only_failed": only_failed}
        if task_ids := list(task_ids):
            body["task_ids"] = task_ids
        self._call("POST", f"dags/{quote(dag_id)}/clearTaskInstances", body)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        if not self._token:
            self._token = self._send("GET", "/auth/token", None)["access_token"]
        return self._send(method, f"/api/v2/{path}", body)

    def _send(self, method: str, path: str, body: Any) -> Any:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with _OPENER.open(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise _refusal(error, f"{method} {path}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise AirflowError(f"Airflow at {self.url} did not answer {method} {path}: {error}") from error


def _refusal(error: urllib.error.HTTPError, what: str) -> AirflowError:
    said = error.read().decode(errors="replace")[:1000]
    kind = NotThere if error.code == 404 else AirflowError
    return kind(f"Airflow answered {error.code} to {what}: {said}")


def _run_path(dag_id: str, run_id: str) -> str:
    return f"dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"
