"""Documents for money: of many pages, those are paid for whose jobs were started."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from core.builders import make_run
from core.deployment import Deployment
from core.purse import START, Purse, refuse
from media.documents import Page, make_pdf

from nova_mme.errors import Reason, Yielded
from nova_mme.job_quota import JobQuota
from nova_mme.job_starter import JobStarter
from nova_mme.modality import Modality
from nova_mme.shard import Shard
from nova_mme.source import Source
from nova_mme.submit import submit

_GOOD = {"operation": START, "delay_seconds": 0.001}


@pytest.fixture
def purse(deployment: Deployment) -> Purse:
    """A campaign that may spend any sum; a page costs a dollar."""
    purse = Purse(deployment)
    purse.fill(None)
    return purse


def upload(purse: Purse, pages: int, key: str = "report.pdf") -> Source:
    """Put a document."""
    body = make_pdf([Page(f"{key}, page {number}") for number in range(pages)])
    return purse.deployment.upload(key, body)


def plan(purse: Purse, **params: Any) -> Shard:
    """All documents, as one shard."""
    return purse.deployment.shard(make_run(Modality.DOCUMENT, **params))


def test_each_page_is_paid_for(purse: Purse) -> None:
    """Once, however often the task runs."""
    upload(purse, 3)
    shard = plan(purse)

    assert purse.submit(shard) == purse.submit(shard)
    assert (purse.told.spent_usd, purse.deployment.jobs_started()) == (3, 3)


def test_a_document_that_cannot_be_paid_whole_is_left_whole(purse: Purse) -> None:
    """No page of it is started; nor is the next document, which would fit."""
    first, second = upload(purse, 3, "a.pdf"), upload(purse, 1, "b.pdf")
    purse.fill(2.0)

    assert purse.submit(plan(purse)) == []

    assert purse.deployment.jobs_started() == 0
    assert purse.deployment.ledger.rows([first, second]) == {}
    assert (purse.told.spent_usd, purse.told.stopped) == (0, True)


def test_a_refused_page_is_given_back(purse: Purse) -> None:
    """The others are paid for."""
    upload(purse, 3)
    purse.deployment.put_faults(refuse())

    assert len(purse.submit(plan(purse))) == 2

    assert purse.told.spent_usd == 2


def test_a_document_whose_every_page_is_refused_costs_nothing(purse: Purse) -> None:
    """It is a dead letter."""
    source = upload(purse, 2)
    purse.deployment.put_faults(refuse(times=2))

    assert purse.submit(plan(purse)) == []

    assert (purse.told.spent_usd, purse.deployment.row(source).reason) == (0, Reason.REFUSED)


def test_pages_that_were_started_stay_paid_for(purse: Purse) -> None:
    """Whatever broke the document off: they have cost money, and the next try pays for the others."""
    upload(purse, 5)
    shard = plan(purse)
    purse.deployment.put_faults({**_GOOD, "times": 2}, refuse("AccessDeniedException", status=403))
    with pytest.raises(ClientError):
        purse.submit(shard)
    assert (purse.told.spent_usd, purse.deployment.jobs_started()) == (2, 2)

    purse.deployment.put_faults()
    arns = purse.submit(shard)

    assert len(set(arns)) == purse.deployment.jobs_started() == 5
    assert purse.told.spent_usd == 5


def test_the_rest_of_a_document_waits_for_money(purse: Purse) -> None:
    """What is spent is never more than was allowed, though it was broken off in between."""
    upload(purse, 5)
    shard = plan(purse)
    purse.fill(5.0)
    purse.deployment.put_faults(
        {**_GOOD, "times": 1}, refuse(), {**_GOOD, "times": 1}, refuse("AccessDeniedException", status=403)
    )
    with pytest.raises(ClientError):
        purse.submit(shard)
    purse.campaign.spend(2.0)

    assert purse.submit(shard) == []

    assert (purse.told.spent_usd, purse.deployment.jobs_started(), purse.told.stopped) == (4, 2, True)
    purse.fill(6.0)
    assert len(purse.submit(shard)) == 4
    assert purse.told.spent_usd == 6


def test_a_backfill_that_makes_way_pays_for_what_it_has_started(purse: Purse) -> None:
    """In the middle of a document; it goes on with the page that was next, and pays for no page twice."""
    deployment = purse.deployment
    upload(purse, 3)
    shard = plan(purse, priority="backfill")
    quota = JobQuota(deployment.dynamodb, "ledger", limit=1)
    deployment.put_faults({"job": "page", "delay_seconds": 600})
    starter = JobStarter(deployment.bedrock, quota, "backfill", sleep=lambda seconds: None)
    with pytest.raises(Yielded):
        submit(shard, s3=deployment.s3, starter=starter, ledger=deployment.ledger, meter=purse.meter)
    assert (purse.told.spent_usd, deployment.jobs_started()) == (1, 1)

    later = replace(quota, limit=10, clock=lambda: time.time() + 90)
    starter = JobStarter(deployment.bedrock, later, "backfill", sleep=lambda seconds: None)
    arns = submit(shard, s3=deployment.s3, starter=starter, ledger=deployment.ledger, meter=purse.meter)

    assert len(set(arns)) == deployment.jobs_started() == 3
    assert purse.told.spent_usd == 3
