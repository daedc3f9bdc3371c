"""Submitting for money: each started job is paid for once, what is not started costs nothing, and the rest is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from core.builders import make_run
from core.deployment import Deployment, texts
from core.purse import Purse, price, refuse

from nova_mme.errors import Reason, Unfinished
from nova_mme.row import Status


@pytest.fixture
def purse(deployment: Deployment) -> Purse:
    """A campaign that may spend any sum."""
    purse = Purse(deployment)
    purse.fill(None)
    return purse


def test_each_job_is_paid_for_once(purse: Purse) -> None:
    """A cleared or retried task finds the ledger's ARNs, and pays nothing for them."""
    sources = texts(purse.deployment, 3)
    shard = purse.deployment.shard(make_run())

    arns = purse.submit(shard)

    assert purse.submit(shard) == arns
    assert purse.told.spent_usd == pytest.approx(price(*sources))


def test_an_adopted_job_costs_nothing(purse: Purse) -> None:
    """It was paid for by the run that started it."""
    texts(purse.deployment, 1)
    arns = purse.deployment.submit(purse.deployment.shard(make_run()))
    purse.fill(0.0)

    assert purse.submit(purse.deployment.shard(make_run())) == arns
    assert (purse.told.spent_usd, purse.told.stopped) == (0, False)


def test_what_cannot_be_paid_is_left_without_a_row(purse: Purse) -> None:
    """No dead letter, no mark: the next run finds it as it was. What was started goes on."""
    sources = texts(purse.deployment, 4)
    purse.fill(price(*sources[:2]))
    shard = purse.deployment.shard(make_run())

    arns = purse.submit(shard)

    assert len(arns) == purse.deployment.jobs_started() == 2
    assert set(purse.deployment.ledger.rows(sources)) == {source.object_id for source in sources[:2]}
    assert purse.told.stopped
    assert purse.told.spent_usd == pytest.approx(price(*sources[:2]))


def test_after_the_money_only_what_was_started_before_is_found(purse: Purse) -> None:
    """Even behind the source that was too dear; the others are not even looked at."""
    deployment = purse.deployment
    *_, last = texts(deployment, 3)
    shard = deployment.shard(make_run())
    deployment.submit(replace(shard, works=shard.works[2:]))
    purse.fill(0.0)

    with deployment.record("s3") as read:
        (arn,) = purse.submit(shard)

    assert arn == deployment.row(last).invocation_arn
    assert {call.params["Key"] for call in read} == {"text-0.txt"}


def test_the_rest_is_taken_up_when_there_is_more_money(purse: Purse) -> None:
    """Each is started once, and everything together is paid for once."""
    sources = texts(purse.deployment, 3)
    shard = purse.deployment.shard(make_run())
    purse.fill(price(*sources[:1]))
    purse.submit(shard)

    purse.fill(price(*sources))
    arns = purse.submit(shard)

    assert len(set(arns)) == purse.deployment.jobs_started() == 3
    assert purse.told.spent_usd == pytest.approx(price(*sources))
    assert not purse.told.stopped


def test_a_left_source_is_no_failure(purse: Purse) -> None:
    """The store step says so, notes nothing, and stores what was started."""
    deployment = purse.deployment
    sources = texts(deployment, 2)
    purse.fill(price(sources[0]))
    shard = deployment.shard(make_run())
    deployment.wait(purse.submit(shard))

    outcomes = deployment.ingest(shard, is_broke=purse.told.stopped)

    assert [(one.status, one.reason) for one in outcomes] == [("stored", ""), ("left", "")]
    assert "max_cost_usd is spent" in outcomes[1].message
    assert deployment.ledger.rows(sources[1:]) == {}


@pytest.mark.parametrize("change", ["content", "recipe", "attempt"])
def test_a_left_source_keeps_what_it_has(purse: Purse, change: str) -> None:
    """A new version, another recipe or a further attempt waits; row and vectors are those of before."""
    deployment = purse.deployment
    (source,) = texts(deployment, 1)
    deployment.embed(make_run())
    if change == "content":
        deployment.upload("text-0.txt", b"Other words.")
    params = {"recipe": {"segment_characters": 900}, "attempt": {"force": True}}.get(change, {})
    before, keys = deployment.row(source), deployment.all_keys()
    shard = deployment.shard(make_run(**params))
    assert len(shard.works) == 1
    purse.fill(0.0)

    assert purse.submit(shard) == []
    (outcome,) = deployment.ingest(shard, is_broke=True)

    assert outcome.status == "left"
    assert (deployment.row(source), deployment.all_keys()) == (before, keys)


def test_with_money_an_unstarted_source_is_a_failure(purse: Purse) -> None:
    """It was not left on purpose: somebody has to know."""
    texts(purse.deployment, 1)

    (outcome,) = purse.deployment.ingest(purse.deployment.shard(make_run()))

    assert (outcome.status, outcome.reason) == ("failed", Reason.NOT_FINISHED)


def test_what_preflight_refuses_costs_nothing(purse: Purse) -> None:
    """It is a dead letter before anybody asks for the money."""
    empty = purse.deployment.upload("empty.txt", b"")
    purse.fill(0.0)

    assert purse.submit(purse.deployment.shard(make_run())) == []

    assert purse.deployment.row(empty).reason is Reason.EMPTY
    assert (purse.told.spent_usd, purse.told.stopped) == (0, False)


def test_what_bedrock_refuses_is_given_back(purse: Purse) -> None:
    """The next source can be paid with it."""
    refused, other = texts(purse.deployment, 2)
    purse.fill(price(other))
    purse.deployment.put_faults(refuse())

    assert len(purse.submit(purse.deployment.shard(make_run()))) == 1

    assert purse.deployment.row(refused).status is Status.FAILED
    assert purse.told.spent_usd == pytest.approx(price(other))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refuse("AccessDeniedException", status=403), ClientError),
        (refuse("ThrottlingException", 999), Unfinished),
    ],
    ids=["denied", "busy"],
)
def test_a_broken_off_start_is_given_back(
    purse: Purse, fault: dict[str, Any], error: type[Exception]
) -> None:
    """And paid for when the task is tried again."""
    sources = texts(purse.deployment, 2)
    purse.fill(price(*sources))
    shard = purse.deployment.shard(make_run())
    purse.deployment.put_faults(fault)

    with pytest.raises(error):
        purse.submit(shard, patience=0.0)

    assert purse.told.spent_usd == 0
    purse.deployment.put_faults()
    assert len(purse.submit(shard)) == 2
    assert purse.told.spent_usd == pytest.approx(price(*sources))
