"""Many submitters at once against one quota, on their own clients; time runs twice as fast as outside."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from core.deployment import Deployment
from core.quota_desk import Desk, request_of, token_of

from nova_mme.errors import Yielded
from nova_mme.job_quota import BACKFILL, LIVE, JobQuota
from nova_mme.job_starter import JobStarter
from nova_mme_local.server import LocalAws

_SPEED = 2
_JOB_SECONDS = 6.0
_LIMIT = 8


@pytest.fixture(scope="module")
def server() -> Iterator[LocalAws]:
    """A local AWS whose own quota is far above ours: the peak is then our doing."""
    with LocalAws(job_seconds=_JOB_SECONDS / _SPEED, async_quota=1000, match_names=False) as aws:
        yield aws


@pytest.fixture
def desk(empty: Deployment) -> Desk:
    """A deployment with two texts."""
    return Desk(empty)


_BEGIN = time.time()


def _clock() -> float:
    return _BEGIN + (time.time() - _BEGIN) * _SPEED


def _sleep(seconds: float) -> None:
    time.sleep(seconds / _SPEED)


def open_deployment(desk: Desk) -> Deployment:
    """Clients of a process of its own."""
    own = Deployment(desk.deployment.aws)
    own.bedrock, own.dynamodb  # noqa: B018  # opening them takes longer than a job
    return own


def make_starter(own: Deployment, priority: str = LIVE) -> JobStarter:
    """A starter as a task makes one."""
    quota = JobQuota(own.dynamodb, "ledger", _LIMIT, _clock)
    return JobStarter(own.bedrock, quota, priority, sleep=_sleep)


def start_all(own: Deployment, names: list[str], priority: str = LIVE) -> list[str]:
    """Start these jobs as a task does that comes back half a minute after it made way; returns their ARNs."""
    starter, arns = make_starter(own, priority), []
    while len(arns) < len(names):
        try:
            arns.append(starter.start(request_of(names[len(arns)])))
        except Yielded:
            _sleep(30)
            starter = make_starter(own, priority)
    return arns


def work_off(desk: Desk, groups: list[list[str]]) -> tuple[list[str], float]:
    """Start each group in a thread; returns the ARNs and the share of the quota that was used until the last start."""
    owners = [open_deployment(desk) for _ in groups]
    began = time.monotonic()
    with ThreadPoolExecutor(len(groups)) as threads:
        arns = [arn for some in threads.map(start_all, owners, groups) for arn in some]
    seconds = time.monotonic() - began
    return arns, desk.deployment.aws.show_stats()["async_jobs"]["in_flight_seconds"] / seconds / _LIMIT


def test_the_limit_holds_and_is_used(desk: Desk) -> None:
    """Eight submitters of five jobs each: never more than the limit, every job once, and few slots idle."""
    groups = [[f"{group}-{number}" for number in range(5)] for group in range(8)]

    arns, share = work_off(desk, groups)

    figures = desk.deployment.aws.show_stats()
    print(
        f"\n{len(arns)} jobs of {_JOB_SECONDS:g} s: {share:.0%} of {_LIMIT} slots used until the last start"
    )
    assert figures["async_jobs"]["peak_in_flight"] <= _LIMIT
    assert (len(set(arns)), figures["async_jobs"]["started"]) == (40, 40)
    assert "bedrock-runtime.StartAsyncInvoke" not in figures["errors"]
    assert share >= 0.5  # three quarters on an idle machine; the rest is between an end and the next look


def test_dead_submitters_hold_nobody_up_for_long(desk: Desk) -> None:
    """One died with six of eight slots in its hand; another's jobs are tried again. Still, each job once."""
    dead = JobQuota(desk.deployment.dynamodb, "ledger", _LIMIT, _clock)
    dead.reap(desk.deployment.bedrock)
    assert all(dead.acquire(token_of(f"dead {number}")) for number in range(6))
    again = [f"again-{number}" for number in range(5)]

    arns, _ = work_off(desk, [again, again, [f"new-{number}" for number in range(5)]])

    figures = desk.deployment.aws.show_stats()["async_jobs"]
    assert figures["peak_in_flight"] <= _LIMIT
    assert (len(arns), len(set(arns)), figures["started"]) == (15, 10, 10)
    desk.deployment.wait(arns)


def test_live_work_overtakes_a_backfill(desk: Desk) -> None:
    """A live run comes in the middle: once it has had to wait, the backfill starts nothing until it is done."""
    live = [f"live-{number}" for number in range(8)]
    begun = threading.Event()
    owners = [open_deployment(desk) for _ in range(4)]

    def start_live() -> None:
        begun.wait(30)
        start_all(owners[3], live)

    def start_backfill(group: int) -> None:
        start_all(owners[group], [f"{group}-{number}" for number in range(4)], BACKFILL)
        begun.set()
        start_all(owners[group], [f"{group}-{number}" for number in range(4, 8)], BACKFILL)

    with ThreadPoolExecutor(4) as threads:
        tasks = [threads.submit(start_live), *(threads.submit(start_backfill, group) for group in range(3))]
        for task in tasks:
            task.result()

    answer = desk.deployment.bedrock.list_async_invokes(sortOrder="Ascending")
    tokens = {token_of(name) for name in live}
    order = ["l" if job["clientRequestToken"] in tokens else "b" for job in answer["asyncInvokeSummaries"]]
    print("\n" + "".join(order))
    first, last = order.index("l"), len(order) - 1 - order[::-1].index("l")
    assert (len(order), order.count("l")) == (32, 8)
    assert order[first:last].count("b") < _LIMIT  # at most what was free when it came
    assert order[last:].count("b") >= 6
