"""A campaign: what its runs have spent together, never more than they may; how far they are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
from botocore.exceptions import ClientError
from core.deployment import Deployment, open_dynamodb
from core.stocked import after_call

from nova_mme.errors import BudgetSpent
from nova_mme.migration.campaign import Campaign, Progress

_NAME = "backfill_embeddings/manual__2026-11-20T10:00:00+00:00"
_NEXT = "backfill_embeddings/manual__2026-11-20T11:00:00+00:00"
_UPDATE = "dynamodb.UpdateItem"


@dataclass
class Clock:
    """A clock that stands still until it is told."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Some day in 2023."""
    return Clock()


@pytest.fixture
def campaign(empty: Deployment, clock: Clock) -> Campaign:
    """Of a deployment that has its table and nothing else."""
    empty.ledger.ensure()
    return Campaign(empty.dynamodb, "ledger", _NAME, clock)


def spend_until_refused(campaign: Campaign, usd: float) -> int:
    """Take a sum again and again; returns how often it was given."""
    times = 0
    try:
        while True:
            campaign.spend(usd)
            times += 1
    except BudgetSpent:
        return times


def test_what_is_spent_adds_up(campaign: Campaign) -> None:
    """To the limit, and not a cent over it."""
    campaign.open(3, limit_usd=1.0)
    campaign.spend(0.25)
    campaign.spend(0.75)

    assert campaign.progress().spent_usd == 1.0
    assert not campaign.progress().stopped
    with pytest.raises(BudgetSpent, match=r"\$1.00 of \$1.00 spent; stopped.*Start the DAG again to go on"):
        campaign.spend(0.01)
    assert (campaign.progress().spent_usd, campaign.progress().stopped) == (1.0, True)


@pytest.mark.parametrize("limit", [0.0, 1.0])
def test_the_first_sum_must_fit_too(campaign: Campaign, limit: float) -> None:
    """One long film may cost more than everything that was allowed."""
    campaign.open(1, limit_usd=limit)

    with pytest.raises(BudgetSpent):
        campaign.spend(5.04)

    assert campaign.progress().spent_usd == 0


def test_after_the_first_refusal_nobody_gets_anything(campaign: Campaign) -> None:
    """Not even a sum that would fit, or nothing: it ends cleanly, and not source by source."""
    campaign.open(3, limit_usd=1.0)
    with pytest.raises(BudgetSpent):
        campaign.spend(1.01)

    for usd in (0.5, 0.0):
        with pytest.raises(BudgetSpent):
            campaign.spend(usd)
    campaign.give_back(0.0)
    with pytest.raises(BudgetSpent):
        campaign.spend(0.5)


def test_a_larger_sum_sets_it_going_again(campaign: Campaign) -> None:
    """What was spent before counts."""
    campaign.open(3, limit_usd=1.0)
    campaign.spend(0.9)
    with pytest.raises(BudgetSpent):
        campaign.spend(0.9)

    campaign.open(3, limit_usd=2.0)
    campaign.spend(0.9)

    assert (campaign.progress().spent_usd, campaign.progress().limit_usd) == (1.8, 2.0)
    with pytest.raises(BudgetSpent):
        campaign.spend(0.9)


def test_a_sum_that_is_lowered_counts_from_now_on(campaign: Campaign) -> None:
    """What is spent beyond it stays spent, and nothing is added."""
    campaign.open(3, limit_usd=2.0)
    campaign.spend(1.5)

    campaign.open(3, limit_usd=1.0)

    with pytest.raises(BudgetSpent):
        campaign.spend(0.1)
    assert campaign.progress().spent_usd == 1.5


def test_without_a_limit_everything_is_given(campaign: Campaign) -> None:
    """And counted; a run may do without a limit, or take it away from those before."""
    campaign.open(3, limit_usd=0.0)
    with pytest.raises(BudgetSpent):
        campaign.spend(1.0)

    campaign.open(3, limit_usd=None)
    campaign.spend(1e6)

    told = campaign.progress()
    assert (told.spent_usd, told.limit_usd, told.stopped) == (1e6, None, False)


def test_small_sums_are_not_lost(campaign: Campaign) -> None:
    """A text of ten words costs 2 millionths of a dollar: rounded away, a million of them would be free."""
    campaign.open(3, limit_usd=None)
    for _ in range(10):
        campaign.spend(0.000_000_4)

    assert campaign.progress().spent_usd == pytest.approx(0.000_004)


def test_what_is_given_back_can_be_spent_again(campaign: Campaign) -> None:
    """It was taken for a job that was not started."""
    campaign.open(3, limit_usd=1.0)
    campaign.spend(0.8)
    campaign.give_back(0.8)
    campaign.spend(1.0)

    assert campaign.progress().spent_usd == 1.0


def test_a_lost_answer_gives_nothing_back_twice(campaign: Campaign, empty: Deployment) -> None:
    """boto3 asks again when an answer is lost: what counts as spent must not become too little."""
    campaign.open(3, limit_usd=1.0)
    campaign.spend(0.5)
    patient = replace(campaign, dynamodb=open_dynamodb(empty.aws.url, attempts=3))
    empty.put_faults({"operation": _UPDATE, "drop_connection": True, "after": True, "times": 1})

    patient.give_back(0.1)

    assert campaign.progress().spent_usd == 0.4


def test_many_tasks_together_never_spend_more(campaign: Campaign, empty: Deployment) -> None:
    """Each at its own pace on its own client; all that fits is given, and the rest to nobody."""
    campaign.open(100, limit_usd=1.0)
    own = [replace(campaign, dynamodb=open_dynamodb(empty.aws.url)) for _ in range(4)]

    with ThreadPoolExecutor(len(own)) as threads:
        given = list(threads.map(lambda one: spend_until_refused(one, 0.03), own))

    assert sum(given) == 33
    assert campaign.progress().spent_usd == 0.99


@pytest.mark.parametrize("limit", [None, 2.0])
def test_a_sum_that_is_raised_at_this_moment_counts(
    campaign: Campaign, empty: Deployment, limit: float | None
) -> None:
    """Whoever has read the smaller one neither fails nor stops what was just set going."""
    campaign.open(3, limit_usd=0.5)

    with after_call(empty.dynamodb_client, "GetItem", lambda: campaign.open(3, limit_usd=limit)):
        campaign.spend(1.0)

    assert (campaign.progress().spent_usd, campaign.progress().stopped) == (1.0, False)


def test_a_sum_that_is_lowered_at_this_moment_counts(campaign: Campaign, empty: Deployment) -> None:
    """Whoever has read the larger one gets nothing more by it."""
    campaign.open(3, limit_usd=2.0)

    with (
        after_call(empty.dynamodb_client, "GetItem", lambda: campaign.open(3, limit_usd=0.5)),
        pytest.raises(BudgetSpent, match=r"\$0.00 of \$0.50"),
    ):
        campaign.spend(1.0)


def test_a_failed_call_is_raised(campaign: Campaign, empty: Deployment) -> None:
    """A busy table is no empty purse."""
    campaign.open(3, limit_usd=1.0)
    empty.put_faults({"operation": _UPDATE, "code": "ThrottlingException", "status": 400})

    with pytest.raises(ClientError, match="Throttling"):
        campaign.spend(0.1)

    empty.put_faults()
    assert not campaign.progress().stopped


def test_progress_adds_up_all_shards_of_all_runs(campaign: Campaign) -> None:
    """A partial or superseded source is done too, one that was left is not; a shard noted twice counts once."""
    campaign.open(60, limit_usd=None)
    campaign.note(_NAME, 0, {"stored": 5, "partial": 2, "superseded": 1, "failed": 2, "left": 3})
    campaign.note(_NAME, 1, {"stored": 1})
    campaign.note(_NEXT, 0, {"stored": 20})
    campaign.note(_NAME, 1, {"stored": 9, "failed": 1})

    told = campaign.progress()

    assert (told.planned, told.done, told.failed, told.left) == (60, 37, 3, 20)


def test_many_shards_are_read_to_the_end(campaign: Campaign) -> None:
    """Over more than one page of a megabyte."""
    campaign.open(3000, limit_usd=None)
    table = campaign.dynamodb.Table("ledger")
    for number in range(30):
        campaign.note(_NAME, number, {"stored": 100})
        key = {"object_id": f"~campaign/{_NAME}", "space": f"{_NAME}/{number:05d}"}
        table.update_item(
            Key=key, UpdateExpression="SET padding = :p", ExpressionAttributeValues={":p": "x" * 100_000}
        )

    assert (campaign.progress().done, campaign.progress().left) == (3000, 0)


def test_campaigns_do_not_meet(campaign: Campaign) -> None:
    """Neither their money nor their shards."""
    other = replace(campaign, name=_NEXT)
    campaign.open(10, limit_usd=1.0)
    other.open(20, limit_usd=None)
    other.spend(5.0)
    other.note(_NEXT, 0, {"stored": 1})

    campaign.spend(1.0)

    assert (campaign.progress().planned, campaign.progress().done) == (10, 0)
    assert other.progress().spent_usd == 5.0


def test_a_later_run_goes_on_with_the_first_ones_plan(campaign: Campaign, clock: Clock) -> None:
    """How much there was and when it began stay."""
    campaign.open(100, limit_usd=1.0)
    campaign.note(_NAME, 0, {"stored": 40})
    clock.now += 600

    campaign.open(60, limit_usd=1.0)

    told = campaign.progress()
    assert (told.planned, told.left, told.seconds) == (100, 60, 600)


def test_the_ledger_does_not_meet_a_campaign(campaign: Campaign, empty: Deployment) -> None:
    """Its items lie in the same table."""
    campaign.open(100, limit_usd=1.0)
    campaign.note(_NAME, 0, {"stored": 40})

    assert list(empty.ledger.scan()) == []
    assert empty.ledger.clear() == 0
    assert campaign.progress().done == 40


def test_before_it_begins_there_is_no_progress(campaign: Campaign) -> None:
    """Nothing planned, nothing spent, no time gone."""
    assert campaign.progress() == Progress()
