"""Tasks that are killed, cleared and marked in each step of a shard, by a worker's death or by somebody's hand.

All cases go on at once in one stack in which the steps are slow, each with a prefix of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from e2e.case import GOOD, Case
from e2e.faults import TaskInstance, open_stack, read_jobs, until

pytestmark = pytest.mark.e2e

Scenario = Callable[[Case], None]

# So many scenarios at a time: what two cores can carry.
LANES = 4

PUT = {"operation": "s3vectors.PutVectors", "index": "embeddings-1024d", "probability": 1}

# A second per job that is started; jobs that a wait task is to see running, however slow it is.
SLOW = (
    {"job": "in-(resume|wait)", "delay_seconds": 15.0},
    {"operation": "bedrock-runtime.StartAsyncInvoke", "delay_seconds": 1.0, "probability": 1},
    {"operation": "bedrock-runtime.GetAsyncInvoke", "delay_seconds": 0.4, "probability": 1},
)
# One of the indexes takes nothing, and takes its time to say so.
TORN = (*SLOW, {**PUT, "delay_seconds": 3.0, "code": "ServiceUnavailableException", "status": 503})


def await_half_submitted(case: Case, run_id: str) -> TaskInstance:
    """Half of the jobs are started, and the others are not."""
    until(lambda: case.count("submitted") >= GOOD // 2, "half of the jobs", every=0.2)
    assert case.count("submitted") < GOOD
    return case.task(run_id, "submit")


def await_look(case: Case, run_id: str) -> TaskInstance:
    """The wait task looks at the jobs for the first time, and has not deferred yet."""
    wait = case.task(run_id, "wait")
    wait.await_state("running")
    return wait


def await_deferred(case: Case, run_id: str) -> TaskInstance:
    """The wait task is in the triggerer."""
    wait = case.task(run_id, "wait")
    wait.await_state("deferred")
    return wait


def await_resumed(case: Case, run_id: str) -> TaskInstance:
    """The wait task is back on a worker."""
    wait = await_deferred(case, run_id)
    wait.await_state("running", every=0.1)
    return wait


def await_half_stored(case: Case, run_id: str) -> TaskInstance:
    """Vectors are in one index, and not in another."""
    until(lambda: case.count_vectors(256), "vectors", every=0.2)
    assert case.count_vectors(1024) == 0
    return case.task(run_id, "store")


def kill(moment: Callable[[Case, str], TaskInstance], *, supervisor: bool = True) -> Scenario:
    """The process of a task is killed at a moment; its next try makes up for it."""

    def scenario(case: Case) -> None:
        run_id = case.start()
        task = moment(case, run_id)
        task.kill(supervisor=supervisor)
        case.struck.set()
        assert case.finish(run_id) == "success"
        seen = task.look()
        assert seen["state"] == "success"
        assert seen["try_number"] >= 2
        case.assert_whole()

    return scenario


def clear(moment: Callable[[Case, str], TaskInstance]) -> Scenario:
    """A task is cleared at a moment while it runs: it is ended and begins again."""

    def scenario(case: Case) -> None:
        run_id = case.start()
        task = moment(case, run_id)
        process = task.find_process()
        task.clear()
        task.await_end(process)
        case.struck.set()
        assert case.finish(run_id) == "success"
        seen = task.look()
        assert seen["state"] == "success"
        assert seen["try_number"] >= 2
        case.assert_whole()

    return scenario


def mark_failed(moment: Callable[[Case, str], TaskInstance]) -> Scenario:
    """A task is marked as failed while it runs: the next run takes up what was left."""

    def scenario(case: Case) -> None:
        run_id = case.start()
        task = moment(case, run_id)
        process = task.find_process()
        task.mark_failed()
        task.await_end(process)
        case.struck.set()
        case.finish(run_id)
        assert task.look()["state"] == "failed"
        assert case.finish(case.start()) == "success"
        case.assert_whole()

    return scenario


def interfere_after_the_end(case: Case) -> None:
    """Each task of a run that is over is cleared, and then marked as failed; then there is another run."""
    run_id = case.start()
    assert case.finish(run_id) == "success"
    for step in ("submit", "wait", "store"):
        task = case.task(run_id, step)
        task.clear(downstream=step == "submit")
        assert case.finish(run_id) == "success"
        assert task.look()["try_number"] >= 2
        case.assert_whole()
    for step in ("submit", "wait", "store"):
        case.task(run_id, step).mark_failed()
    assert case.finish(case.start()) == "success"
    case.assert_whole()


def run_twice_at_once(case: Case) -> None:
    """Two runs over the same prefix, started together."""
    runs = [case.start(), case.start()]
    assert [case.finish(run_id) for run_id in runs] == ["success", "success"]
    case.assert_whole()


# First those for which one index takes nothing until all of them were struck.
IN_STORE: dict[str, Scenario] = {
    "killed-in-store": kill(await_half_stored),
    "task-process-killed-in-store": kill(await_half_stored, supervisor=False),
    "cleared-in-store": clear(await_half_stored),
    "failed-in-store": mark_failed(await_half_stored),
}
SCENARIOS: dict[str, Scenario] = {
    **IN_STORE,
    "killed-in-submit": kill(await_half_submitted),
    "killed-in-look": kill(await_look),
    "killed-in-resume": kill(await_resumed),
    "task-process-killed-in-submit": kill(await_half_submitted, supervisor=False),
    "cleared-in-submit": clear(await_half_submitted),
    "cleared-in-wait": clear(await_deferred),
    "failed-in-submit": mark_failed(await_half_submitted),
    "failed-in-wait": mark_failed(await_deferred),
    "after-the-end": interfere_after_the_end,
    "two-runs": run_twice_at_once,
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A stack that notices soon."""
    with open_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="module")
def under_way(ready) -> Iterator[dict[str, Future[None]]]:
    """All scenarios, a few of them going on at a time."""
    cases = {name: Case(ready, name).upload() for name in SCENARIOS}
    with ThreadPoolExecutor(LANES) as threads:

        def begin(name: str) -> Future[None]:
            return threads.submit(SCENARIOS[name], cases[name])

        ready.set_faults(*TORN)
        begun = {name: begin(name) for name in IN_STORE}
        until(lambda: all(cases[name].struck.is_set() or begun[name].done() for name in begun), "blow")
        ready.set_faults(*SLOW)
        yield begun | {name: begin(name) for name in SCENARIOS if name not in begun}
    ready.set_faults()


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_lost_or_paid_twice(under_way, name):
    """At the end of each scenario everything is in all four indexes, for one job per source."""
    under_way[name].result(timeout=400)


def test_as_many_jobs_as_good_sources(under_way, ready):
    """Local AWS's own count, over all scenarios: a job for each good source, though some were asked for twice."""
    for future in under_way.values():
        future.exception(timeout=400)
    jobs = read_jobs(ready.stack)
    assert jobs["started"] == GOOD * len(SCENARIOS)
    assert jobs["answered"] >= jobs["started"]
