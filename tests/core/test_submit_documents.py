"""Submitting documents: a job per page, each exactly once, and a bad page leaves the others."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from core.builders import make_run
from core.deployment import Deployment
from media.documents import Page, make_pdf

from nova_mme.errors import Reason
from nova_mme.modality import Modality
from nova_mme.row import Status
from nova_mme.source import Source

_START = "bedrock-runtime.StartAsyncInvoke"
_REFUSE = {"operation": _START, "code": "ValidationException", "status": 400, "times": 1}


def _pdf(deployment: Deployment, pages: int = 3) -> Source:
    return deployment.upload("report.pdf", make_pdf([Page(f"Page {number}") for number in range(pages)]))


def test_each_page_of_a_document_is_a_job(deployment: Deployment) -> None:
    """In the order of the pages; a second call starts none of them again."""
    source = _pdf(deployment)
    shard = deployment.shard(make_run(Modality.DOCUMENT))

    arns = deployment.submit(shard)

    assert len(set(arns)) == 3
    assert deployment.row(source).invocation_arns == tuple(arns)
    assert (deployment.submit(shard), deployment.jobs_started()) == (arns, 3)


def test_a_page_that_bedrock_refuses_leaves_the_others(deployment: Deployment) -> None:
    """Its place among the jobs stays empty."""
    source = _pdf(deployment)
    deployment.put_faults(_REFUSE)

    arns = deployment.submit(deployment.shard(make_run(Modality.DOCUMENT)))

    assert deployment.row(source).invocation_arns == ("", *arns)
    assert len(arns) == 2


def test_a_document_whose_every_page_is_refused_is_a_dead_letter(deployment: Deployment) -> None:
    """With Bedrock's own sentence."""
    source = _pdf(deployment, 2)
    deployment.put_faults({**_REFUSE, "times": 2, "message": "Malformed: because."})

    assert deployment.submit(deployment.shard(make_run(Modality.DOCUMENT))) == []

    row = deployment.row(source)
    assert (row.status, row.reason, row.message) == (Status.FAILED, Reason.REFUSED, "Malformed: because.")


def test_a_crash_between_two_pages_starts_none_twice(deployment: Deployment) -> None:
    """The jobs of the first pages are found by their tokens, and the pages by their places."""
    _pdf(deployment)
    shard = deployment.shard(make_run(Modality.DOCUMENT))
    deployment.put_faults(
        {"operation": _START, "delay_seconds": 0.01, "times": 2},
        {"operation": _START, "code": "AccessDeniedException", "status": 403, "times": 1},
    )
    with pytest.raises(ClientError):
        deployment.submit(shard)
    assert deployment.jobs_started() == 2

    before = deployment.calls(_START)

    arns = deployment.submit(shard)

    assert len(set(arns)) == deployment.jobs_started() == 3
    assert (
        deployment.calls(_START) - before == 1
    )  # a backfill that gives way again and again comes to its end
