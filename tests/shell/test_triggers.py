"""NovaMMECompleteTrigger: what it keeps when serialised, and what it yields."""

import asyncio
import time

import pytest

from nova_mme_airflow.operators import NovaMMEAsyncOperator
from nova_mme_airflow.triggers import NovaMMECompleteTrigger


@pytest.fixture
def arns(account, make_context):
    """Two jobs that run."""
    account.upload("b.txt", b"Cats purr.")
    sources = ["s3://media/a.txt", "s3://media/b.txt"]
    task = NovaMMEAsyncOperator(task_id="submit", source=sources, output_s3_uri="s3://output/nova")
    return task.execute(make_context())


def run(arns, **arguments):
    """The trigger, out of its serialised form, run to its event."""
    values = {"deadline": time.time() + 10, "waiter_delay": 0.05, "first_delay": 0.0} | arguments
    path, kwargs = NovaMMECompleteTrigger(invocation_arns=arns, **values).serialize()
    assert path == "nova_mme_airflow.triggers.NovaMMECompleteTrigger"
    trigger = NovaMMECompleteTrigger(**kwargs)

    async def collect():
        return [event async for event in trigger.run()]

    (event,) = asyncio.run(collect())
    return event


def test_serialises_everything():
    """The triggerer builds the same trigger, whatever was not the default."""
    arguments = {
        "invocation_arns": ["arn"],
        "deadline": 1.0,
        "waiter_delay": 2.0,
        "first_delay": 3.0,
        "aws_conn_id": "mine",
        "region_name": "eu-west-1",
        "verify": "/ca.pem",
        "botocore_config": {"read_timeout": 9},
    }

    assert NovaMMECompleteTrigger(**arguments).serialize()[1] == arguments


def test_success_goes_to_the_sensor_with_the_jobs(arns):
    """The sensor goes on, with everything that it needs for its result."""
    event = run(arns)

    assert event.payload["status"] == "success"
    assert [job["invocation_arn"] for job in event.payload["jobs"]] == arns
    assert all(job["output_s3_uri"].startswith("s3://output/nova/") for job in event.payload["jobs"])


def test_a_failed_job_goes_to_the_sensor(account, make_context):
    """An ended job is an ended job; the sensor judges it, where the task's log is."""
    account.set_faults({"job": "a.txt", "status": "Failed", "message": "no sound"})
    task = NovaMMEAsyncOperator(task_id="submit", source="s3://media/a.txt", output_s3_uri="s3://output/n")

    event = run([task.execute(make_context())])

    (job,) = event.payload["jobs"]
    assert (event.payload["status"], job["status"], job["message"]) == ("success", "error", "no sound")


def test_throttles_and_lost_connections_are_asked_again(account, arns):
    """Neither ends the wait."""
    account.set_faults(
        {"operation": "bedrock-runtime.GetAsyncInvoke", "code": "ThrottlingException", "times": 2},
        {"operation": "bedrock-runtime.GetAsyncInvoke", "drop_connection": True, "times": 2},
    )

    event = run(arns, botocore_config={"retries": {"total_max_attempts": 1}})

    assert event.payload["status"] == "success"


def test_the_deadline_ends_the_wait(account, make_context):
    """Throttles count too: the deadline is a time, not a number of tries."""
    account.set_faults(
        {"operation": "bedrock-runtime.GetAsyncInvoke", "code": "ThrottlingException", "times": 99}
    )
    task = NovaMMEAsyncOperator(task_id="submit", source="s3://media/a.txt", output_s3_uri="s3://output/n")

    event = run(
        [task.execute(make_context())],
        deadline=time.time() + 0.3,
        botocore_config={"retries": {"total_max_attempts": 1}},
    )

    assert event.payload["status"] == "timeout"


def test_what_cannot_be_mended_ends_the_wait(account):
    """An unknown ARN is an error event, not an endless loop."""
    event = run(["arn:aws:bedrock:us-east-1:123456789012:async-invoke/abcdefghijkl"])

    assert event.payload["status"] == "error"


def test_one_client_for_all_jobs(account, arns):
    """Two jobs are polled over one client: as many calls as rounds times jobs still running."""
    before = account.calls("bedrock-runtime.GetAsyncInvoke")
    run(arns)

    assert account.calls("bedrock-runtime.GetAsyncInvoke") - before >= 2
