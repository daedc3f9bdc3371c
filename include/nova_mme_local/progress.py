"""Watches DAG runs until they end: a live line each on a terminal, else a line whenever something has changed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from nova_mme_local.airflow_api import FINISHED, AirflowApi
from nova_mme_local.screen import Screen
from nova_mme_local.stackerror import StackError

_DONE = ("success", "failed", "skipped", "upstream_failed", "removed")
# Not a second: the answers cost the api-server a core's tenth each, and the tasks need the cores.
_PAUSE = 1.5
_STILL = 30.0  # seconds without any change before we ask why


@dataclass(frozen=True, slots=True)
class RunState:
    """A run at one moment: its state, and how many task instances are in which state."""

    state: str
    tasks: Mapping[str, int]

    @property
    def done(self) -> int:
        """How many task instances are over."""
        return sum(self.tasks.get(state, 0) for state in _DONE)

    @property
    def total(self) -> int:
        """How many there are so far; mapped tasks are added when their number is known."""
        return sum(self.tasks.values())

    def describe(self) -> str:
        """Return for example `4 of 6 tasks (1 deferred, 1 waiting)`, or `done`."""
        if self.state in FINISHED:
            return "done" if self.state == "success" else "failed"
        open_ = [f"{n} {name.replace('_', ' ')}" for name, n in self.tasks.items() if name not in _DONE]
        return f"{self.done} of {self.total} tasks" + (f" ({', '.join(open_)})" if open_ else "")


def watch(
    api: AirflowApi, runs: Mapping[str, str], *, screen: Screen, timeout: float = 3600.0
) -> dict[str, str]:
    """Return the final state of each run, `{dag_id: run_id}` in, `{dag_id: state}` out.

    :raises StackError: when they are not over after `timeout` seconds, or stand still because a DAG file broke.
    """
    started = moved = time.monotonic()
    states, before, said = dict[str, RunState](), dict[str, RunState](), ""
    while True:
        for dag_id, run_id in runs.items():
            if dag_id not in states or states[dag_id].state not in FINISHED:
                states[dag_id] = _look(api, dag_id, run_id)
        now = time.monotonic()
        seconds = now - started
        moved, before = (now, dict(states)) if states != before else (moved, before)
        said = _show(states, seconds, screen=screen, said=said)
        if all(run.state in FINISHED for run in states.values()):
            screen.live([])
            return {dag_id: run.state for dag_id, run in states.items()}
        if now - moved > _STILL:
            _check_imports(api, screen)
            moved = now
        if seconds > timeout:
            raise StackError(f"Not over after {timeout:.0f} s: {said}. The runs go on; see {api.url}")
        time.sleep(_PAUSE)


def _check_imports(api: AirflowApi, screen: Screen) -> None:
    # Airflow lets the tasks of a DAG whose file it cannot read any more wait for ever.
    if errors := api.import_errors():
        screen.live([])
        raise StackError(
            f"The runs stand still: Airflow cannot read {', '.join(errors)}.\n{api.explain_imports()}"
        )


def _look(api: AirflowApi, dag_id: str, run_id: str) -> RunState:
    state = api.run(dag_id, run_id)["state"]
    instances = () if state in FINISHED else api.task_instances(dag_id, run_id)
    return RunState(state, Counter(task["state"] or "waiting" for task in instances))


def _show(states: Mapping[str, RunState], seconds: float, *, screen: Screen, said: str) -> str:
    """Show the states, and return what was said of them."""
    width = max(map(len, states))
    if screen.is_live:
        lines = [f"  {dag_id:<{width}}  {run.describe()}" for dag_id, run in states.items()]
        screen.live([*lines, f"  {seconds:.0f} s"])
        return ", ".join(line.strip() for line in lines)
    summary = ", ".join(
        f"{dag_id} {run.state if run.state in FINISHED else f'{run.done}/{run.total}'}"
        for dag_id, run in states.items()
    )
    if summary != said:
        screen.wrap(f"{seconds:4.0f} s  {summary}", "  ")
    return summary
