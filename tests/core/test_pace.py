"""Pacing: no more vectors a second than an index takes, over all tasks that write it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest
from core.deployment import Deployment

from nova_mme.pace import OwnTimeline, Pacer, SharedTimeline, Timeline


@dataclass
class Hours:
    """A clock that goes on only when somebody sleeps."""

    now: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        """Epoch seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Go on."""
        self.slept.append(seconds)
        self.now += seconds


def _pacer(timeline: Timeline, hours: Hours, rate: float = 2450) -> Pacer:
    return Pacer(timeline, rate, clock=hours.clock, sleep=hours.sleep)


def _shared(deployment: Deployment) -> SharedTimeline:
    return SharedTimeline(deployment.dynamodb, deployment.settings.ledger_table, "vectors/space")


@pytest.fixture(params=["own", "shared"])
def timeline(request: pytest.FixtureRequest, deployment: Deployment) -> Timeline:
    """One of a process, and one in the ledger's table."""
    return OwnTimeline() if request.param == "own" else _shared(deployment)


def test_the_first_vectors_go_at_once(timeline: Timeline) -> None:
    """And so do those after a pause."""
    hours = Hours()
    pacer = _pacer(timeline, hours)
    for _ in range(3):
        pacer.take(250)
        hours.now += 1

    assert hours.slept == []


def test_vectors_wait_for_those_before_them(timeline: Timeline) -> None:
    """49 batches of 50 take a second."""
    hours = Hours()
    pacer, start = _pacer(timeline, hours), hours.now
    for _ in range(50):
        pacer.take(50)

    assert hours.now - start == pytest.approx(1.0, abs=1e-3)


def test_an_idle_time_gives_no_credit(timeline: Timeline) -> None:
    """After a minute of nothing a second still takes 2,450, and not a minute's worth at once."""
    hours = Hours()
    pacer = _pacer(timeline, hours)
    pacer.take(1)
    hours.now += 60
    start = hours.now
    for _ in range(11):
        pacer.take(245)

    assert hours.now - start == pytest.approx(1.0, abs=1e-3)


def test_no_second_has_more_than_the_limit(timeline: Timeline) -> None:
    """Full batches as they go out: at most 2,500 in any second."""
    hours = Hours()
    pacer, times = _pacer(timeline, hours), []
    for _ in range(40):
        pacer.take(250)
        times.append(hours.now)

    for start in times:
        assert 250 * sum(start <= time < start + 1 for time in times) <= 2500


def test_parallel_tasks_share_one_pace(deployment: Deployment) -> None:
    """Eight at once, each with a client's view of the table: their pieces of time do not overlap."""
    pieces: list[tuple[int, int]] = []
    now = 1_800_000_000_000_000

    def reserve() -> None:
        timeline = _shared(Deployment(deployment.aws))
        for length in (1000, 20, 300):
            pieces.append((timeline.reserve(length, now), length))

    threads = [threading.Thread(target=reserve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    pieces.sort()
    assert len(pieces) == 24
    assert pieces[0][0] == now
    for (start, length), (following, _) in zip(pieces, pieces[1:], strict=False):
        assert following == start + length


def test_sets_of_indexes_do_not_wait_for_each_other(deployment: Deployment) -> None:
    """Another bucket or space has limits of its own."""
    hours = Hours()
    for name in ("vectors/one", "vectors/two"):
        _pacer(SharedTimeline(deployment.dynamodb, "ledger", name), hours).take(2450)

    assert hours.slept == []


@pytest.mark.parametrize("ahead", [3600, 10**6])
def test_a_clock_gone_wrong_holds_nobody_up(deployment: Deployment, ahead: int) -> None:
    """A worker whose clock is hours ahead has reserved something in the future: the others start anew."""
    hours = Hours()
    _pacer(_shared(deployment), Hours(hours.now + ahead)).take(100)
    pacer = _pacer(_shared(deployment), hours)
    pacer.take(245)
    pacer.take(245)

    assert hours.slept == [pytest.approx(0.1, abs=1e-3)]


@pytest.mark.parametrize(
    "fault",
    [
        {"operation": "dynamodb.UpdateItem", "code": "AccessDeniedException", "status": 400, "times": 9},
        {"operation": "dynamodb.UpdateItem", "drop_connection": True, "times": 9},
    ],
    ids=["denied", "dropped"],
)
def test_without_the_table_a_task_paces_itself(
    deployment: Deployment, fault: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    """The store goes on, below the limit, and says that it knows nothing of others."""
    deployment.put_faults(fault)
    hours = Hours()
    pacer = _pacer(_shared(deployment), hours)
    for _ in range(3):
        pacer.take(245)

    assert hours.slept == [pytest.approx(0.1, abs=1e-3)] * 2
    assert "cannot be shared" in caplog.text


def test_the_ledger_does_not_meet_the_timeline(deployment: Deployment) -> None:
    """It lies in the same table, and is no row."""
    _pacer(_shared(deployment), Hours()).take(1)

    assert list(deployment.ledger.scan()) == []
