"""Submitting: each source is started exactly once, whatever crashes, and what cannot be embedded is passed over."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from core.builders import ACCOUNT, make_run, make_settings
from core.deployment import Deployment, texts

from nova_mme.errors import Reason, Unfinished, Yielded
from nova_mme.job_quota import JobQuota
from nova_mme.job_starter import JobStarter
from nova_mme.row import Status
from nova_mme.submit import submit

_START = "bedrock-runtime.StartAsyncInvoke"


def _busy(code: str = "ThrottlingException", times: int = 1, status: int = 429) -> dict[str, Any]:
    return {"operation": _START, "code": code, "status": status, "times": times}


def test_each_source_is_started_and_noted(deployment: Deployment) -> None:
    """One ARN per source, in the shard's order, and each in its row."""
    sources = texts(deployment, 3)

    arns = deployment.submit(deployment.shard(make_run()))

    assert len(set(arns)) == deployment.jobs_started() == 3
    rows = [deployment.row(source) for source in sources]
    assert [row.invocation_arn for row in rows] == arns
    assert {(row.status, row.attempt, row.media_format) for row in rows} == {(Status.SUBMITTED, 1, "text")}


def test_submitting_twice_starts_once(deployment: Deployment) -> None:
    """A cleared task finds the ledger's ARNs and does not even call."""
    texts(deployment, 3)
    shard = deployment.shard(make_run())

    assert deployment.submit(shard) == deployment.submit(shard)
    assert deployment.calls(_START) == 3


def test_a_crash_before_the_note_starts_no_second_job(deployment: Deployment) -> None:
    """The job was started, the ledger was not written: the same token finds the same job."""
    (source,) = texts(deployment, 1)
    shard = deployment.shard(make_run())
    deployment.put_faults({"operation": "dynamodb.UpdateItem", "code": "InternalServerError", "status": 500})
    with pytest.raises(ClientError):
        deployment.submit(shard)
    assert deployment.jobs_started() == 1

    (arn,) = deployment.submit(shard)

    assert (deployment.jobs_started(), deployment.row(source).invocation_arn) == (1, arn)


def test_a_lost_answer_starts_no_second_job(deployment: Deployment) -> None:
    """Bedrock has started the job, the connection broke before it said so."""
    texts(deployment, 1)
    shard = deployment.shard(make_run())
    deployment.put_faults({"operation": _START, "drop_connection": True, "after": True})
    with pytest.raises(BotoCoreError):
        deployment.submit(shard)

    deployment.submit(shard)

    assert deployment.jobs_started() == 1


def test_a_new_run_after_a_crash_starts_no_second_job(deployment: Deployment) -> None:
    """Not a retry of the task but the next run: it plans the source as new, and finds the job all the same."""
    texts(deployment, 1)
    deployment.put_faults({"operation": "dynamodb.UpdateItem", "code": "InternalServerError", "status": 500})
    with pytest.raises(ClientError):
        deployment.submit(deployment.shard(make_run()))

    later = deployment.shard(make_run())

    assert [work.why for work in later.works] == ["new"]
    deployment.submit(later)
    assert deployment.jobs_started() == 1


def test_what_cannot_be_embedded_is_noted_and_passed_over(deployment: Deployment) -> None:
    """Each with its reason, nothing of it is started, and the good one among them is."""
    deployment.upload("empty.txt", b"")
    deployment.upload("picture.txt", b"\x89PNG\r\n\x1a\n" + bytes(99))
    deployment.upload("good.txt", b"A good text.")
    deployment.upload("gone.txt", b"Soon gone.")
    shard = deployment.shard(make_run())
    deployment.s3.delete_object(Bucket="media", Key="gone.txt")

    arns = deployment.submit(shard)

    assert (len(arns), deployment.calls(_START)) == (1, 1)
    rows = {work.source.name: deployment.row(work.source) for work in shard.works}
    assert {name: row.reason for name, row in rows.items()} == {
        "empty.txt": Reason.EMPTY,
        "picture.txt": Reason.WRONG_CONTENT,
        "gone.txt": Reason.MISSING,
        "good.txt": None,
    }
    assert {row.status for row in rows.values() if row.reason} == {Status.FAILED}
    assert all(row.message for row in rows.values() if row.reason)


def test_what_failed_is_not_tried_again_by_the_same_shard(deployment: Deployment) -> None:
    """A cleared task reads no file twice that is known to be no good."""
    deployment.upload("empty.txt", b"")
    shard = deployment.shard(make_run())
    deployment.submit(shard)

    with deployment.record("s3") as sent:
        assert deployment.submit(shard) == []
    assert sent == []


def test_a_refused_request_is_a_dead_letter(deployment: Deployment) -> None:
    """Bedrock's own sentence is kept; the neighbours go on."""
    texts(deployment, 2)
    deployment.put_faults(_busy("ValidationException", status=400) | {"message": "Malformed: because."})
    shard = deployment.shard(make_run())

    assert len(deployment.submit(shard)) == 1

    row = deployment.row(shard.works[0].source)
    assert (row.status, row.reason, row.message) == (Status.FAILED, Reason.REFUSED, "Malformed: because.")


def test_a_token_of_another_request_is_tried_anew_by_the_next_run(deployment: Deployment) -> None:
    """The output folder was changed between the crash and the next run."""
    (source,) = texts(deployment, 1)
    deployment.put_faults({"operation": "dynamodb.UpdateItem", "code": "InternalServerError", "status": 500})
    with pytest.raises(ClientError):
        deployment.submit(deployment.shard(make_run()))
    moved = Deployment(deployment.aws, make_settings(output_uri="s3://output/elsewhere"))

    moved.submit(moved.shard(make_run()))
    if moved.row(source).status is Status.FAILED:
        assert moved.row(source).reason is Reason.TRANSIENT
        moved.submit(moved.shard(make_run()))

    assert moved.row(source).status is Status.SUBMITTED


def test_a_wrong_deployment_is_raised(deployment: Deployment) -> None:
    """Missing rights are nobody's dead letter; what was started before stays noted."""
    first, second, _ = texts(deployment, 3)
    shard = deployment.shard(make_run())
    deployment.submit(replace(shard, works=shard.works[:1]))
    deployment.put_faults(_busy("AccessDeniedException", status=403, times=9))

    with pytest.raises(ClientError, match="AccessDenied"):
        deployment.submit(shard)

    assert deployment.row(first).status is Status.SUBMITTED
    assert deployment.ledger.rows([second]) == {}


def test_patience_ends(deployment: Deployment) -> None:
    """The task fails with a sentence, and its retry goes on where this one stopped."""
    texts(deployment, 2)
    shard = deployment.shard(make_run())
    deployment.submit(replace(shard, works=shard.works[:1]))
    deployment.put_faults(_busy(times=10_000))
    pauses: list[float] = []

    with pytest.raises(Unfinished, match=r"stayed busy for 6\d s \(ThrottlingException\)|for 7\d s"):
        deployment.submit(shard, patience=60.0, sleep=pauses.append)
    deployment.put_faults()

    assert 60 <= sum(pauses) < 75
    assert len(deployment.submit(shard)) == deployment.jobs_started() == 2


def test_a_job_of_an_earlier_run_is_adopted(deployment: Deployment) -> None:
    """Its ARN is waited for; nothing is read and nothing is started."""
    texts(deployment, 1)
    arns = deployment.submit(deployment.shard(make_run()))
    later = deployment.shard(make_run())

    with deployment.record("s3") as read, deployment.record("bedrock") as started:
        assert deployment.submit(later) == arns

    assert [work.why for work in later.works] == ["adopted"]
    assert (read, started) == ([], [])


def test_an_older_shard_does_not_restart_what_a_newer_run_took_up(deployment: Deployment) -> None:
    """A forced run has started the second attempt; the first run's task is cleared afterwards."""
    texts(deployment, 1)
    older = deployment.shard(make_run())
    deployment.embed(make_run())
    newest = deployment.submit(deployment.shard(make_run(force=True)))

    assert deployment.submit(older) == []
    assert (deployment.jobs_started(), deployment.row(older.works[0].source).invocation_arn) == (2, newest[0])


def test_an_older_shard_does_not_take_the_row_from_a_newer_version(deployment: Deployment) -> None:
    """The object changed, a newer run has started a job for it; then the older run's task is cleared."""
    deployment.upload("a.txt", b"version one")
    older = deployment.shard(make_run())
    deployment.submit(older)
    newer = deployment.upload("a.txt", b"version two")
    (arn,) = deployment.submit(deployment.shard(make_run()))

    deployment.submit(older)

    assert (deployment.row(newer).etag, deployment.row(newer).invocation_arn) == (newer.etag, arn)


def test_an_object_that_changed_since_the_listing_is_not_paid_for_under_its_old_version(
    deployment: Deployment,
) -> None:
    """Bedrock would embed the new content, the ledger would note the old etag, and the next run would pay again."""
    deployment.upload("a.txt", b"version one")
    shard = deployment.shard(make_run())
    deployment.upload("a.txt", b"version two")
    deployment.wait(deployment.submit(shard))
    deployment.ingest(shard)

    deployment.embed(make_run())

    assert deployment.jobs_started() == 1


def test_an_object_that_changed_since_the_listing_leaves_no_note(deployment: Deployment) -> None:
    """The row may tell of the newer version already; the next run takes it up."""
    deployment.upload("a.txt", b"version one")
    shard = deployment.shard(make_run())
    newer = deployment.upload("a.txt", b"version two")

    assert deployment.submit(shard) == []

    assert deployment.ledger.rows([newer]) == {}
    assert deployment.plan(make_run()).counts == {"new": 1}


def test_objects_are_read_from_the_expected_owner(deployment: Deployment) -> None:
    """S3 refuses a bucket of that name that belongs to somebody else."""
    owned = Deployment(deployment.aws, make_settings(bucket_owner=ACCOUNT))
    texts(owned, 1)
    shard = owned.shard(make_run())
    with owned.record("s3") as sent:
        owned.submit(shard)

    assert [call.params["ExpectedBucketOwner"] for call in sent] == [ACCOUNT]


def test_the_run_that_started_it_is_noted(deployment: Deployment) -> None:
    """By it later runs know whether somebody will store what was started."""
    (source,) = texts(deployment, 1)

    deployment.submit(replace(deployment.shard(make_run()), dag_run="embed_text/r1"))

    assert deployment.row(source).run == "embed_text/r1"


def test_a_backfill_goes_on_where_it_gave_way(deployment: Deployment) -> None:
    """What it has started is kept; when live work is through, it starts the rest and nothing twice."""
    texts(deployment, 3)
    shard = deployment.shard(make_run(priority="backfill"))
    quota = JobQuota(deployment.dynamodb, deployment.settings.ledger_table, limit=20)
    starter = JobStarter(deployment.bedrock, quota, "backfill", sleep=lambda seconds: None)
    submit(replace(shard, works=shard.works[:1]), s3=deployment.s3, starter=starter, ledger=deployment.ledger)
    quota.announce_live()
    with pytest.raises(Yielded):
        submit(shard, s3=deployment.s3, starter=starter, ledger=deployment.ledger)
    assert deployment.jobs_started() == 1

    later = replace(quota, clock=lambda: time.time() + 60)
    starter = JobStarter(deployment.bedrock, later, "backfill", sleep=lambda seconds: None)
    arns = submit(shard, s3=deployment.s3, starter=starter, ledger=deployment.ledger)

    assert len(set(arns)) == deployment.jobs_started() == 3
