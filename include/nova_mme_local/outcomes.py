"""What became of embedding runs, for a person: a table, the sources that failed, and why a run did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nova_mme_local.airflow_api import AirflowApi, AirflowError
from nova_mme_local.screen import draw_table

_COUNTS = ("sources", "unchanged", "stored", "failed", "segments")
_DIMENSIONS = ("256", "384", "1024", "3072")
_ERROR_LINES = 8


def tabulate(reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the table of runs' reports, a line for each modality, with the vectors in each index."""
    head = ["modality", *_COUNTS, *(f"{dimension}-d" for dimension in _DIMENSIONS), "seconds"]
    rows = [
        [
            str(report["modality"]),
            *(str(report.get(name, 0)) for name in _COUNTS),
            *(str(report["vectors"].get(dimension, 0)) for dimension in _DIMENSIONS),
            f"{report.get('seconds', 0):.0f}",
        ]
        for report in reports
    ]
    return draw_table([head, *rows])


def list_failures(reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return two lines for each source that failed: its name and what happened, and what to do."""
    lines = []
    for failure in (failure for report in reports for failure in report.get("failures", ())):
        lines.append(f"{failure['source'].rsplit('/', 1)[-1]}: {failure['reason']}. {failure['message']}")
        if failure.get("next_step"):
            lines.append(f"    {failure['next_step']}")
    return lines


def explain_failure(api: AirflowApi, dag_id: str, run_id: str, *, task_logs: Path) -> str:
    """Return why a run failed: the first task that did, the last errors of its log, and where that log is."""
    failed = [task for task in api.task_instances(dag_id, run_id) if task["state"] == "failed"]
    if not failed:
        return f"{dag_id} failed, and none of its tasks did; see the run {run_id} in Airflow."
    first = min(failed, key=lambda task: task["end_date"] or "")
    where = {"map_index": first["map_index"], "try_number": first["try_number"] or 1}
    name = first["task_id"] + (f" [{first['map_index']}]" if first["map_index"] >= 0 else "")
    try:
        errors = read_errors(api.log(dag_id, run_id, first["task_id"], **where))
    except AirflowError as error:
        errors = [str(error)]
    more = f" ({len(failed)} tasks failed in all)" if len(failed) > 1 else ""
    said = [f"    {line}" for line in errors] or ["    (its log names no error)"]
    path = find_log(task_logs, dag_id, run_id, first["task_id"], **where)
    return "\n".join([f"{dag_id} failed in its task {name}{more}:", *said, f"  Its log: {path}"])


def read_errors(log: Sequence[Any]) -> list[str]:
    """Return the last errors of a task's log, as lines: what was logged as one, and the exceptions."""
    lines: list[str] = []
    for entry in log:
        if not isinstance(entry, dict) or entry.get("level") not in ("error", "critical"):
            continue
        lines += str(entry.get("event", "")).splitlines()
        for raised in entry.get("error_detail") or ():
            lines += f"{raised.get('exc_type')}: {raised.get('exc_value')}".splitlines()
    return [line[:300] for line in lines[-_ERROR_LINES:]]


def find_log(
    task_logs: Path, dag_id: str, run_id: str, task_id: str, *, map_index: int, try_number: int
) -> Path:
    """Return the file of an attempt's log, as Airflow's default `log_filename_template` names it."""
    folder = task_logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
    if map_index >= 0:
        folder /= f"map_index={map_index}"
    return folder / f"attempt={try_number}.log"
