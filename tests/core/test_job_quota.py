"""The semaphore on jobs in flight: who gets a slot, who keeps it, and whose comes back."""

from __future__ import annotations

import logging
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from core.deployment import Deployment
from core.quota_desk import LIST, LONG, Desk, token_of

from nova_mme import job_quota
from nova_mme.job_quota import BACKFILL

_REFUSED = {"operation": LIST, "code": "AccessDeniedException", "status": 403, "times": 99}


@pytest.fixture
def desk(empty: Deployment) -> Desk:
    """A deployment with two texts."""
    return Desk(empty)


def test_there_are_as_many_slots_as_the_limit_says(desk: Desk) -> None:
    """Three of four get one; a token that has one has it, however often it asks."""
    quota = desk.ready_quota(3)

    assert [quota.acquire(token_of(name)) for name in "abcd"] == [True, True, True, False]
    assert [quota.acquire(token_of(name)) for name in "abcd"] == [True, True, True, False]
    assert desk.holders("abcd") == ["a", "b", "c"]


def test_nobody_starts_before_somebody_has_looked(desk: Desk) -> None:
    """At first, and again after a minute, it is not known what other applications use."""
    quota = desk.quota(2)
    assert not quota.acquire(token_of("a"))

    desk.look(quota, after=0)
    assert quota.acquire(token_of("a"))

    desk.time.now += 60
    assert not quota.acquire(token_of("b"))
    assert quota.acquire(token_of("a"))
    desk.look(quota, after=0)
    assert quota.acquire(token_of("b"))


def test_a_slot_comes_back_with_the_end_of_its_job(desk: Desk) -> None:
    """At once, though the job was started a moment ago: Bedrock lists it as ended."""
    quota = desk.ready_quota(2)
    for name, key in (("done", "short.txt"), ("running", LONG)):
        quota.acquire(token_of(name))
        desk.start(name, key)
        quota.note_started(token_of(name))

    desk.look(quota, after=2)

    assert desk.holders(["done", "running"]) == ["running"]


def test_a_running_job_keeps_its_slot_however_long(desk: Desk) -> None:
    """Hours later it is still in progress."""
    quota = desk.ready_quota(1)
    quota.acquire(token_of("film"))
    desk.start("film", LONG)

    desk.look(quota, after=5 * 3600)

    assert not quota.acquire(token_of("next"))


@pytest.mark.parametrize(("started", "seconds"), [(False, 120), (True, 10)])
def test_a_slot_without_a_job_comes_back_when_none_can_come(desk: Desk, started: bool, seconds: int) -> None:
    """Its submitter died: two minutes after it was taken, ten seconds after a start that the list may miss."""
    quota = desk.ready_quota(1)
    quota.acquire(token_of("dead"))
    if started:
        quota.note_started(token_of("dead"))

    desk.look(quota, after=seconds)
    assert desk.holders(["dead"]) == ["dead"]
    desk.look(quota, after=2)

    assert desk.holders(["dead"]) == []


def test_a_slot_that_is_asked_for_again_is_safe_again(desk: Desk) -> None:
    """Even when that happens between a reaper's look and its removal."""
    quota, retry = desk.ready_quota(1), desk.quota(1)
    retry.dynamodb = boto3.resource("dynamodb", **_address(desk))
    quota.acquire(token_of("slow"))

    def ask_again(params: dict[str, Any], **_: Any) -> None:
        if params["UpdateExpression"].startswith("REMOVE"):
            assert retry.acquire(token_of("slow"))

    events = desk.deployment.dynamodb_client.meta.events
    events.register("provide-client-params.dynamodb.UpdateItem", ask_again)
    desk.look(quota, after=130)
    events.unregister("provide-client-params.dynamodb.UpdateItem", ask_again)

    assert desk.holders(["slow"]) == ["slow"]


def _address(desk: Desk) -> dict[str, str]:
    return {
        "endpoint_url": desk.deployment.aws.url,
        "aws_access_key_id": "local",
        "aws_secret_access_key": "local",
        "region_name": "us-east-1",
    }


def test_bedrock_is_asked_every_two_seconds_by_one(desk: Desk) -> None:
    """However many wait."""
    quotas = [desk.quota(1) for _ in range(5)]

    assert [quota.reap(desk.deployment.bedrock) for quota in quotas] == [True, False, False, False, False]
    desk.time.now += 2
    assert [quota.reap(desk.deployment.bedrock) for quota in quotas] == [True, False, False, False, False]
    assert desk.deployment.calls(LIST) == 2


def test_other_applications_jobs_take_from_the_limit(desk: Desk) -> None:
    """Also one that was started without a token; what they leave is ours."""
    desk.start("theirs", LONG)
    desk.start_without_token()
    desk.start("over")
    quota = desk.ready_quota(4)

    assert [quota.acquire(token_of(name)) for name in "abc"] == [True, True, False]


def test_one_slot_is_always_ours(desk: Desk) -> None:
    """Others use more than the limit: a little is done all the same."""
    for number in range(3):
        desk.start(f"theirs {number}", LONG)
    quota = desk.ready_quota(2)

    assert [quota.acquire(token_of(name)) for name in "ab"] == [True, False]


def test_our_own_jobs_are_nobody_elses(desk: Desk) -> None:
    """Jobs that hold a slot take nothing from the limit a second time."""
    quota = desk.ready_quota(3)
    for name in "ab":
        quota.acquire(token_of(name))
        desk.start(name, LONG)
        quota.note_started(token_of(name))

    desk.look(quota, after=20)

    assert [quota.acquire(token_of(name)) for name in "cd"] == [True, False]


def test_all_pages_of_the_list_count(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five jobs in pages of two."""
    monkeypatch.setattr(job_quota, "_PAGE", 2)
    for number in range(5):
        desk.start(f"theirs {number}", LONG)

    quota = desk.ready_quota(8)

    assert [quota.acquire(token_of(name)) for name in "abcd"] == [True, True, True, False]


def test_a_changed_limit_counts_at_once(desk: Desk) -> None:
    """Lowered, nobody gets in until enough have ended; raised, more do after the next look."""
    quota = desk.ready_quota(2)
    assert all(quota.acquire(token_of(name)) for name in "ab")

    assert not desk.quota(1).acquire(token_of("c"))
    higher = desk.quota(3)
    desk.look(higher, after=2)
    assert higher.acquire(token_of("c"))


def test_live_work_goes_before_a_backfill(desk: Desk) -> None:
    """A backfill gets no new slot while a live job waits; what it has, it keeps; twenty seconds later it may."""
    quota = desk.ready_quota(3)
    assert quota.acquire(token_of("old"), BACKFILL)
    assert not quota.live_is_waiting()

    quota.announce_live()

    assert quota.live_is_waiting()
    assert not quota.acquire(token_of("new"), BACKFILL)
    assert quota.acquire(token_of("old"), BACKFILL)
    assert quota.acquire(token_of("urgent"))
    desk.time.now += 21
    assert not quota.live_is_waiting()
    assert quota.acquire(token_of("new"), BACKFILL)


def test_a_slot_can_be_given_back(desk: Desk) -> None:
    """The job was refused: the next one need not wait. Twice does no harm."""
    quota = desk.ready_quota(1)
    quota.acquire(token_of("refused"))

    quota.release(token_of("refused"))
    quota.release(token_of("refused"))

    assert quota.acquire(token_of("next"))


def test_without_the_list_slots_expire(desk: Desk) -> None:
    """A slot comes back ten minutes after its start; what others use is not known, and Bedrock throttles."""
    desk.start("theirs", LONG)
    desk.put_faults(_REFUSED)
    quota = desk.ready_quota(2)
    assert all(quota.acquire(token_of(name)) for name in "ab")
    quota.note_started(token_of("a"))

    desk.look(quota, after=605)
    assert desk.holders("ab") == ["a", "b"]
    desk.look(quota, after=10)

    assert desk.holders("ab") == ["b"]
    assert quota.acquire(token_of("c"))


def test_the_refused_list_is_told_once(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """One sentence for each process, not one every two seconds."""
    desk.put_faults(_REFUSED)
    quota = desk.quota(2)

    with caplog.at_level(logging.WARNING, "nova_mme"):
        for _ in range(3):
            desk.look(quota, after=2)

    (record,) = caplog.records
    assert "bedrock:ListAsyncInvokes" in record.message


def test_another_trouble_with_the_list_is_told(desk: Desk) -> None:
    """The caller hears of it; nothing is removed, and the slots are what they were."""
    quota = desk.ready_quota(1)
    quota.acquire(token_of("a"))
    desk.put_faults({"operation": LIST, "code": "ThrottlingException", "status": 429})

    with pytest.raises(ClientError, match="Throttling"):
        desk.look(quota, after=1000)

    assert desk.holders("a") == ["a"]


def test_the_item_is_small(desk: Desk) -> None:
    """A full quota of twenty is below 1 KB, as DynamoDB's guide counts an item: one write unit for each change."""
    quota = desk.ready_quota(20)
    names = [str(number) for number in range(20)]
    assert all(quota.acquire(token_of(name)) for name in names)

    item = desk.item()

    # Names and texts in UTF-8, numbers about half their digits and one, three and one for a map and each member.
    numbers = sum(len(str(value)) / 2 + 2 for value in item["holders"].values()) + 3 * 7
    keys = sum(len(name) + 1 for name in item["holders"]) + sum(len(name) for name in item) + 3
    assert keys + numbers + len("~job-quota~") < 1024


def test_the_ledger_never_meets_it(desk: Desk) -> None:
    """The item is in the ledger's table and in none of its spaces."""
    desk.ready_quota(1)

    assert list(desk.deployment.ledger.scan()) == []
