"""Starting a job: a slot first, then as often as a busy service asks for it, and exactly one job whatever happens."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from core.deployment import Deployment
from core.quota_desk import LIST, LONG, Desk, request_of, token_of

from nova_mme.errors import Unfinished, Yielded
from nova_mme.job_quota import BACKFILL, JobQuota
from nova_mme.job_starter import BUSY, JobStarter

_START = "bedrock-runtime.StartAsyncInvoke"


@pytest.fixture
def desk(empty: Deployment) -> Desk:
    """A deployment with two texts."""
    return Desk(empty)


def make_starter(desk: Desk, quota: JobQuota | None = None, **options: Any) -> JobStarter:
    """A starter on the test's time."""
    return JobStarter(desk.deployment.bedrock, quota, sleep=desk.time.sleep, **options)


def busy(code: str = "ThrottlingException", times: int = 1, status: int = 429) -> dict[str, Any]:
    """A fault: so many starts are answered so."""
    return {"operation": _START, "code": code, "status": status, "times": times}


@pytest.mark.parametrize("code", sorted(BUSY))
def test_a_busy_service_is_waited_out(desk: Desk, code: str) -> None:
    """With pauses that grow and never have the same length, up to 15 seconds each."""
    desk.put_faults(busy(code, times=7, status=500 if code.startswith("Internal") else 429))

    make_starter(desk, patience=1e9).start(request_of("a"))

    assert desk.deployment.jobs_started() == 1
    bounds = (1, 2, 4, 8, 15, 15, 15)
    assert all(0.2 <= pause <= bound for pause, bound in zip(desk.time.pauses, bounds, strict=True))
    assert len(set(desk.time.pauses)) == 7
    assert (
        max(desk.time.pauses) > 1
    )  # six of them had the chance: less than one time in 100,000 none takes it


@pytest.mark.parametrize("limit", [None, 2])
def test_patience_with_a_busy_service_ends(desk: Desk, limit: int | None) -> None:
    """With a sentence; the next start finds the service in a better mood, and its slot if it had one."""
    desk.put_faults(busy(times=10_000))
    starter = make_starter(desk, limit and desk.quota(limit), patience=60.0)

    with pytest.raises(Unfinished, match=r"stayed busy for [67]\d s \(ThrottlingException\)"):
        starter.start(request_of("a"))
    assert 60 <= sum(desk.time.pauses) < 75
    desk.put_faults()

    starter.start(request_of("a"))
    assert desk.deployment.jobs_started() == 1


def test_nobody_waits_for_what_waiting_does_not_mend(desk: Desk) -> None:
    """A refusal comes back at once, and its slot with it."""
    quota = desk.quota(1)
    desk.put_faults(busy("ResourceNotFoundException", status=404))

    with pytest.raises(ClientError, match="ResourceNotFound"):
        make_starter(desk, quota).start(request_of("a"))

    assert desk.time.pauses == []
    assert desk.holders("a") == []
    make_starter(desk, quota).start(request_of("b"))


def test_the_same_token_is_the_same_job_and_the_same_slot(desk: Desk) -> None:
    """A task that is tried again, though the quota is full by now."""
    quota = desk.quota(1)
    first = make_starter(desk, quota).start(request_of("a", LONG))

    assert make_starter(desk, quota).start(request_of("a", LONG)) == first
    assert (desk.deployment.jobs_started(), desk.holders("a")) == (1, ["a"])
    assert desk.time.pauses == []


def test_a_lost_answer_starts_no_second_job(desk: Desk) -> None:
    """The job was started, nobody heard of it: the slot is kept, and the next try finds job and slot."""
    quota = desk.quota(1)
    desk.put_faults({"operation": _START, "drop_connection": True, "after": True})
    with pytest.raises(BotoCoreError):
        make_starter(desk, quota).start(request_of("a", LONG))
    assert desk.holders("a") == ["a"]

    arn = make_starter(desk, quota).start(request_of("a", LONG))

    assert desk.deployment.jobs_started() == 1
    assert desk.deployment.bedrock.get_async_invoke(invocationArn=arn)["clientRequestToken"] == token_of("a")


def test_a_conflicting_token_does_not_free_the_running_job_s_slot(desk: Desk) -> None:
    """The token was used for another request, whose job runs: a refusal, and no slot for a second job."""
    quota = desk.quota(1)
    make_starter(desk, quota).start(request_of("a", LONG))

    with pytest.raises(ClientError, match="Conflict"):
        make_starter(desk, quota).start({**request_of("b"), "clientRequestToken": token_of("a")})

    assert desk.holders("ab") == ["a"]


def test_a_full_quota_is_waited_for(desk: Desk) -> None:
    """Whoever waits looks every two seconds whether a job is over, and starts as soon as one is."""
    quota = desk.quota(2)
    starter = make_starter(desk, quota)
    for name in "ab":
        starter.start(request_of(name))
    desk.deployment.wait([desk.start(name) for name in "ab"])
    looked = desk.deployment.calls(LIST)

    starter.start(request_of("c"))

    assert desk.holders("abc") == ["c"]
    assert desk.deployment.calls(LIST) - looked == 2  # what is in progress, and what has just ended
    assert sum(desk.time.pauses) < 4


def test_a_dead_submitters_slots_are_taken_over(desk: Desk) -> None:
    """It took all slots and died before it started anything: two minutes later they are free."""
    quota = desk.ready_quota(3)
    assert all(quota.acquire(token_of(name)) for name in "abc")

    make_starter(desk, quota).start(request_of("d", LONG))

    assert desk.holders("abcd") == ["d"]
    assert 110 < sum(desk.time.pauses) < 135


def test_patience_for_a_slot_ends(desk: Desk) -> None:
    """With a sentence that says how many are allowed; no job was started, and no slot is left behind."""
    quota = desk.quota(1)
    make_starter(desk, quota).start(request_of("film", LONG))

    with pytest.raises(Unfinished, match=r"No slot for a job was free for 6\d s; 1 are allowed"):
        make_starter(desk, quota, patience=60.0).start(request_of("a"))

    assert (desk.deployment.jobs_started(), desk.holders(["film", "a"])) == (1, ["film"])
    assert all(0.5 <= pause <= 1.5 for pause in desk.time.pauses)


def test_a_live_job_that_waits_says_so(desk: Desk) -> None:
    """While it waits, and not when it found a slot at once."""
    quota = desk.quota(1)
    make_starter(desk, quota).start(request_of("film", LONG))
    assert not quota.live_is_waiting()

    with pytest.raises(Unfinished):
        make_starter(desk, quota, patience=100.0).start(request_of("a"))

    assert quota.live_is_waiting()


def test_a_live_job_that_is_throttled_says_so_too(desk: Desk) -> None:
    """The quota allows more than Bedrock does: a backfill leaves what there is to it."""
    quota = desk.quota(5)
    desk.put_faults(busy(times=3))

    make_starter(desk, quota).start(request_of("a"))

    assert quota.live_is_waiting()


def test_a_backfill_makes_way_at_once(desk: Desk) -> None:
    """Live work is waiting: it starts nothing and does not wait."""
    quota = desk.ready_quota(2)
    quota.announce_live()

    with pytest.raises(Yielded, match="Live work"):
        make_starter(desk, quota, priority=BACKFILL).start(request_of("a"))

    assert (desk.deployment.jobs_started(), desk.time.pauses) == (0, [])


def test_a_backfill_does_not_keep_its_worker(desk: Desk) -> None:
    """After a minute in all, over all its starts, it goes; and it never says that it waits."""
    quota = desk.quota(1)
    starter = make_starter(desk, quota, priority=BACKFILL)
    starter.start(request_of("film", LONG))

    with pytest.raises(Yielded, match=r"has waited for 6\d s"):
        starter.start(request_of("a"))
    assert 60 <= sum(desk.time.pauses) < 62
    with pytest.raises(Yielded):
        starter.start(request_of("b"))

    assert sum(desk.time.pauses) < 62
    assert not quota.live_is_waiting()


def test_a_throttled_backfill_makes_way_too(desk: Desk) -> None:
    """Bedrock is busy for longer than a minute; its slot is not lost to the next try, half a minute later."""
    quota = desk.quota(1)
    desk.put_faults(busy(times=10_000))

    with pytest.raises(Yielded, match="has waited"):
        make_starter(desk, quota, priority=BACKFILL).start(request_of("a"))
    desk.put_faults()
    desk.time.now += 30

    make_starter(desk, quota, priority=BACKFILL).start(request_of("a"))
    assert (desk.deployment.jobs_started(), desk.holders("a")) == (1, ["a"])


def test_a_throttle_makes_it_look_for_other_applications(desk: Desk) -> None:
    """Since the last look others have started jobs: from now on they count."""
    quota = desk.ready_quota(3)
    desk.start("theirs", LONG)
    desk.start("theirs too", LONG)
    desk.time.now += 2
    desk.put_faults(busy())

    make_starter(desk, quota).start(request_of("a", LONG))

    assert not quota.acquire(token_of("b"))


def test_a_list_that_is_throttled_costs_time_only(desk: Desk) -> None:
    """The next look succeeds."""
    quota = desk.quota(1)
    starter = make_starter(desk, quota)
    starter.start(request_of("a"))
    desk.start("a")
    desk.put_faults({"operation": LIST, "code": "ThrottlingException", "status": 429, "times": 2})

    starter.start(request_of("b"))

    assert desk.holders("ab") == ["b"]
    assert 2 < sum(desk.time.pauses) < 10


def test_without_a_quota_nothing_is_written(desk: Desk) -> None:
    """Bedrock alone bounds the jobs of somebody's own DAG."""
    arn = make_starter(desk).start(request_of("a"))

    assert re.fullmatch(r"arn:aws:bedrock:us-east-1:\d{12}:async-invoke/\w+", arn)
    assert desk.deployment.calls("dynamodb.UpdateItem") == 0
