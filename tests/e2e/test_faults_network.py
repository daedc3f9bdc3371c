"""Calls that are throttled, refused, cut off or half done, and output that is gone: runs get through, or say so."""

from __future__ import annotations

from typing import Any

import pytest
from e2e.case import GOOD, Case
from e2e.faults import open_stack, read_jobs, until

pytestmark = pytest.mark.e2e

PUT = "s3vectors.PutVectors"
INDEX = "embeddings-1024d"


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A stack that tries again at once."""
    with open_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


def often(operation: str = "*", **fault: Any) -> dict[str, Any]:
    """A fault that hits each call with a chance of 5 %."""
    return {"operation": operation, "probability": 0.05, **fault}


BUSY = (
    often("s3.*", code="SlowDown", status=503),
    often("s3vectors.*", code="TooManyRequestsException", status=429),
    often(code="ThrottlingException", status=400),
    often(code="InternalServerException", status=500),
)
CUT_OFF = (often(drop_connection=True), often(drop_connection=True, after=True))


@pytest.mark.parametrize("faults", [pytest.param(BUSY, id="busy"), pytest.param(CUT_OFF, id="cut off")])
def test_of_all_calls_some_fail(deployment, request, faults):
    """Two runs at once, of two shards each, get through, for one job per source."""
    name = request.node.callspec.id.replace(" ", "-")
    cases = [Case(deployment, f"{name}-{part}", good=9).upload() for part in ("one", "two")]
    before = read_jobs(deployment.stack)["started"]
    deployment.set_faults(*faults)
    runs = [case.start() for case in cases]
    assert [case.finish(run_id) for case, run_id in zip(cases, runs, strict=True)] == ["success"] * 2
    deployment.set_faults()
    for case in cases:
        case.assert_whole()
    assert read_jobs(deployment.stack)["started"] - before == sum(case.good for case in cases)


def test_one_index_fails_once(deployment):
    """Three indexes have the vectors, the fourth none; the next try of the task puts them all."""
    case = Case(deployment, "index-fails").upload()
    deployment.set_faults(
        {"operation": PUT, "index": INDEX, "code": "AccessDeniedException", "status": 403, "times": 1}
    )
    run_id = case.start()
    until(lambda: case.count_vectors(3072), "vectors", every=0.1)
    assert case.count_vectors(1024) == 0
    assert case.finish(run_id) == "success"
    assert case.task(run_id, "store").look()["try_number"] >= 2
    case.assert_whole()


def test_one_index_is_denied(deployment):
    """The run fails, for no source's fault; the next one takes up its jobs, and pays for none."""
    case = Case(deployment, "index-denied").upload()
    deployment.set_faults(
        {"operation": PUT, "index": INDEX, "code": "AccessDeniedException", "status": 403, "times": 1000}
    )
    assert case.finish(case.start()) == "failed"
    assert (case.count("submitted"), case.count_vectors(1024)) == (GOOD, 0)
    deployment.set_faults()
    assert case.finish(case.start()) == "success"
    case.assert_whole()


def test_output_has_expired(deployment):
    """What is gone before it was stored is embedded anew by a later run; what is gone afterwards is not missed."""
    case = Case(deployment, "expired").upload()
    # The trigger looks at its jobs after 8 s and then after about 15 s more: they end in between.
    deployment.set_faults({"job": "expired/", "delay_seconds": 8.0, "times": GOOD})
    run_id = case.start(max_failed_fraction=0.9)
    until(lambda: case.count("submitted") == GOOD, "all jobs", every=0.2)
    until(lambda: not read_jobs(deployment.stack)["in_flight"], "end of the jobs", every=0.2)
    lost = case.sources[: GOOD // 2]
    case.delete_output(lost)
    assert case.finish(run_id) == "success"
    assert (case.count("stored"), case.count("failed")) == (GOOD - len(lost), len(lost) + 1)

    assert case.finish(case.start()) == "success"
    case.assert_whole(paid_twice=lost)

    case.delete_output(case.sources)
    case.task(run_id, "submit").clear()
    assert case.finish(run_id) == "success"
    case.assert_whole(paid_twice=lost)


def test_jobs_end_while_tasks_defer(deployment):
    """Many shards whose triggers fire at about the same time: Airflow's race of defer and resume fails no run."""
    case = Case(deployment, "race", good=39).upload()
    assert case.finish(case.start()) == "success"
    case.assert_whole()
