"""Components of the stack that are killed (SIGKILL) while shards are in every step, and started again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.case import GOOD, Case
from e2e.faults import Wreckage, open_stack, read_jobs, until

from nova_mme_local.launch import LOCAL_AWS, SCHEDULER, TRIGGERER

pytestmark = pytest.mark.e2e

# Jobs that a wait task is to see running, however slow it is.
LONG_JOBS = {"job": "triggerer|-wait/", "delay_seconds": 15.0}
# One of the indexes takes nothing, and takes its time to say so.
TORN = {
    "operation": "s3vectors.PutVectors",
    "index": "embeddings-1024d",
    "probability": 1,
    "delay_seconds": 3.0,
    "code": "ServiceUnavailableException",
    "status": 503,
}
# So slow that a submit task is still at it when the next scheduler misses the one that gave it out.
SLOW_STARTS = {"operation": "bedrock-runtime.StartAsyncInvoke", "delay_seconds": 6.0, "probability": 1}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A stack that notices soon."""
    with open_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def wreckage(stack) -> Iterator[Wreckage]:
    """What kills the stack's components, and has them running again in the end."""
    wreckage = Wreckage(stack)
    yield wreckage
    wreckage.mend()


def start_in_every_step(site, name: str) -> list[tuple[Case, str]]:
    """Three runs: one is in store, one in wait and one in submit when this returns."""
    site.set_faults(LONG_JOBS, TORN)
    cases = [Case(site, f"{name}-{step}").upload() for step in ("store", "wait", "submit")]
    first, second, third = cases
    runs = [first.start()]
    until(lambda: first.count("submitted") == GOOD, "jobs of the first run", every=0.2)
    runs.append(second.start())
    until(lambda: second.count("submitted") == GOOD, "jobs of the second run", every=0.2)
    until(lambda: first.count_vectors(256), "vectors of the first run", every=0.2)
    assert first.count_vectors(1024) == 0
    site.set_faults(LONG_JOBS, TORN, SLOW_STARTS)
    runs.append(third.start())
    until(lambda: third.count("submitted"), "jobs of the third run", every=0.2)
    assert third.count("submitted") < GOOD
    return list(zip(cases, runs, strict=True))


def assert_ended_well(under_way: list[tuple[Case, str]]) -> None:
    """Every run succeeds, and nothing is lost or paid for twice."""
    assert [case.finish(run_id) for case, run_id in under_way] == ["success"] * len(under_way)
    for case, _ in under_way:
        case.assert_whole()


def test_the_triggerer_is_killed(deployment, wreckage):
    """Its triggers go on in the next one, though their jobs ended when there was none."""
    deployment.set_faults(LONG_JOBS)
    case = Case(deployment, "triggerer").upload()
    run_id = case.start()
    wait = case.task(run_id, "wait")
    wait.await_state("deferred")
    wreckage.kill(TRIGGERER, with_children=True)
    until(lambda: read_jobs(deployment.stack)["in_flight"] == 0, "end of the jobs")
    assert case.count("submitted") == GOOD
    wreckage.start(TRIGGERER)
    assert_ended_well([(case, run_id)])
    assert (wait.look()["state"], wait.look()["try_number"]) == ("success", 1)


def test_the_scheduler_is_killed(deployment, wreckage):
    """Its orphaned workers go on; the next scheduler gives the same tasks out again, and they do no harm."""
    under_way = start_in_every_step(deployment, "scheduler")
    wreckage.kill(SCHEDULER)
    deployment.set_faults(SLOW_STARTS)
    wreckage.start(SCHEDULER)
    assert_ended_well(under_way)


def test_the_scheduler_is_killed_with_its_workers(deployment, wreckage):
    """As when their machine is lost: the next scheduler begins those tasks again."""
    under_way = start_in_every_step(deployment, "machine")
    wreckage.kill(SCHEDULER, with_children=True)
    deployment.set_faults(SLOW_STARTS)
    wreckage.start(SCHEDULER)
    assert_ended_well(under_way)


def test_local_aws_is_killed(deployment, wreckage):
    """As when AWS cannot be reached for a while: jobs, rows and vectors are what they were, and the runs go on."""
    under_way = start_in_every_step(deployment, "aws")
    wreckage.kill(LOCAL_AWS)
    wreckage.start(LOCAL_AWS)
    assert_ended_well(under_way)
