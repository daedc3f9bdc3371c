"""NovaMMEAsyncSensor, with and without deferring, against local AWS."""

import time

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, TaskDeferred
from botocore.exceptions import ClientError

from nova_mme_airflow.operators import NovaMMEAsyncOperator
from nova_mme_airflow.sensors import NovaMMEAsyncSensor


@pytest.fixture
def start(account, make_context):
    """Start a job for an uploaded object; returns its ARN."""

    def start_job(key="a.txt"):
        task = NovaMMEAsyncOperator(
            task_id="submit", source=f"s3://media/{key}", output_s3_uri="s3://output/nova"
        )
        return task.execute(make_context())

    return start_job


def sensor(arns, **arguments):
    """A sensor that looks often."""
    values = {"task_id": "wait", "poke_interval": 0.05, "timeout": 10, "deferrable": False} | arguments
    return NovaMMEAsyncSensor(invocation_arn=arns, **values)


def test_waits_on_the_worker(start, make_context):
    """Without deferring, it pokes until the job ends and answers with the output's folder."""
    arn = start()

    result = sensor(arn).execute(make_context())

    assert result["status"] == "success"
    assert result["output_s3_uri"] == f"s3://output/nova/{arn.rsplit('/', 1)[-1]}"


def test_looks_once_before_deferring(account, start, make_context):
    """A job that has ended is answered at once."""
    arn = start()
    account.wait_until_ended(arn)

    assert sensor(arn, deferrable=True).execute(make_context())["status"] == "success"


def test_defers_with_everything_that_the_trigger_needs(account, start, make_context):
    """Region, verification and configuration go along, and the deadline is absolute."""
    account.set_faults({"job": "a.txt", "delay_seconds": 30})
    before = time.time()
    task = sensor(
        start(),
        deferrable=True,
        region_name="us-east-1",
        verify=False,
        botocore_config={"read_timeout": 7},
        timeout=100,
    )

    with pytest.raises(TaskDeferred) as deferred:
        task.execute(make_context())

    _, arguments = deferred.value.trigger.serialize()
    assert 100 <= arguments["deadline"] - before <= 110
    assert (arguments["region_name"], arguments["verify"]) == ("us-east-1", False)
    assert arguments["botocore_config"] == {"read_timeout": 7}
    assert deferred.value.method_name == "execute_complete"


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_failed_job_fails_with_bedrocks_sentence(account, start, make_context, deferrable):
    """The message is Bedrock's own, and no retry follows: the job will not change its mind."""
    account.set_faults({"job": "a.txt", "status": "Failed", "message": "The video has no picture."})
    arn = start()
    account.wait_until_ended(arn)

    with pytest.raises(AirflowFailException, match="The video has no picture"):
        sensor(arn, deferrable=deferrable).execute(make_context())


def test_failures_can_be_tolerated(account, start, make_context):
    """Among many jobs a failed one is counted, and the neighbours go on."""
    account.upload("bad.txt", b"bad")
    account.set_faults({"job": "bad.txt", "status": "Failed", "message": "broken"})
    arns = [start(), start("bad.txt")]

    result = sensor(arns, tolerate_failures=True).execute(make_context())

    assert (result["completed"], result["failed"]) == (1, 1)
    assert result["failures"] == [{"invocation_arn": arns[1], "message": "broken"}]


def test_no_job_at_all_is_success(account, make_context):
    """A shard whose sources were all refused has nothing to wait for."""
    assert sensor([], deferrable=True, tolerate_failures=True).execute(make_context())["completed"] == 0


def test_a_throttled_look_is_not_yet(account, start, make_context):
    """A busy service says nothing about the job."""
    arn = start()
    account.set_faults(
        {"operation": "bedrock-runtime.GetAsyncInvoke", "code": "ThrottlingException", "times": 3}
    )

    task = sensor(arn, botocore_config={"retries": {"total_max_attempts": 1}})

    assert task.execute(make_context())["status"] == "success"


def test_an_unknown_arn_is_an_error(account, make_context):
    """What asking again will not mend is raised."""
    with pytest.raises(ClientError, match="ValidationException"):
        sensor("arn:aws:bedrock:us-east-1:123456789012:async-invoke/abcdefghijkl").execute(make_context())


def test_the_time_limit_means_the_same_in_both_modes(account, start, make_context):
    """Late is AirflowSensorTimeout, on the worker and from the trigger's event."""
    account.set_faults({"job": "a.txt", "delay_seconds": 30})
    arn = start()

    with pytest.raises(AirflowSensorTimeout):
        sensor(arn, timeout=0.2).execute(make_context())
    with pytest.raises(AirflowSensorTimeout, match="still running"):
        sensor(arn).execute_complete(
            make_context(), {"status": "timeout", "message": "1 invocations are still running."}
        )


def test_dag_test_resumes_with_a_plain_string(account, start, make_context):
    """dag.test() hands over "success" instead of the event; then Bedrock is asked."""
    arn = start()
    account.wait_until_ended(arn)

    assert sensor(arn).execute_complete(make_context(), "success")["invocation_arn"] == arn


def test_an_error_of_the_trigger_is_retried(account, make_context):
    """A trigger that could not ask raises an error that Airflow retries."""
    with pytest.raises(RuntimeError, match="AccessDenied"):
        sensor("arn").execute_complete(make_context(), {"status": "error", "message": "AccessDenied"})


def test_a_trigger_that_saw_a_failure_fails_the_task(account, make_context):
    """Deferred or not, a failed job is Bedrock's sentence and no retry."""
    job = {
        "status": "error",
        "invocation_arn": "arn",
        "output_s3_uri": "s3://output/n",
        "message": "no sound",
    }

    with pytest.raises(AirflowFailException, match="no sound"):
        sensor("arn").execute_complete(make_context(), {"status": "success", "message": "", "jobs": [job]})


def test_the_dags_work_beside_any_listener():
    """Airflow refuses a DAG whose task has an attribute of this name where a plugin listens, as OpenLineage's."""
    assert not hasattr(sensor("arn"), "end_from_trigger")
