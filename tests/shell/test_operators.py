"""NovaMMEAsyncOperator in somebody's own DAG, against local AWS."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException
from botocore.exceptions import ClientError

from nova_mme.job_quota import JobQuota
from nova_mme.ledger import Ledger
from nova_mme.modality import Modality
from nova_mme.run import Run
from nova_mme.settings import Settings
from nova_mme.shard import Shard, Work
from nova_mme.source import S3Uri, source_of
from nova_mme_airflow.operators import NovaMMEAsyncOperator

OUTPUT = "s3://output/nova"


def operator(**arguments):
    """An operator for the one text of the bucket."""
    values = {"task_id": "submit", "source": "s3://media/a.txt", "output_s3_uri": OUTPUT} | arguments
    return NovaMMEAsyncOperator(**values)


def test_one_source_gives_one_arn(account, make_context):
    """A URI in, an ARN out, and one job started."""
    arn = operator().execute(make_context())

    assert arn.startswith("arn:aws:bedrock:us-east-1:")
    assert account.wait_until_ended(arn) == "Completed"
    assert account.calls("bedrock-runtime.StartAsyncInvoke") == 1


def test_many_sources_give_as_many_arns(account, make_context):
    """A list in, a list out, in order."""
    sources = [account.upload(f"{name}.txt", name.encode() * 9) for name in ("x", "y", "z")]

    arns = operator(source=sources).execute(make_context())

    assert len(set(arns)) == 3


def test_a_retry_finds_the_job(account, make_context):
    """The second try of one task instance answers with the first try's job."""
    first = operator().execute(make_context(try_number=1))
    second = operator().execute(make_context(try_number=2))

    assert second == first
    assert len(account.bedrock.list_async_invokes()["asyncInvokeSummaries"]) == 1


def test_a_failed_job_is_started_anew_by_a_retry(account, make_context):
    """Asking for the failed job for ever would make a cleared task useless."""
    account.set_faults({"job": "a.txt", "status": "Failed", "message": "bad luck", "times": 1})
    first = operator().execute(make_context(try_number=1))
    assert account.wait_until_ended(first) == "Failed"

    second = operator().execute(make_context(try_number=2))

    assert second != first
    assert account.wait_until_ended(second) == "Completed"
    assert operator().execute(make_context(try_number=3)) == second


def test_another_run_is_other_work(account, make_context):
    """The same DAG run a day later embeds again, as it was told to."""
    arns = {operator().execute(make_context(run_id=run_id)) for run_id in ("manual__1", "manual__2")}

    assert len(arns) == 2


def test_every_field_of_the_request_can_be_given(account, make_context):
    """The typed arguments reach Bedrock: it accepts them, and cuts as told."""
    account.upload("long.txt", b"word " * 400)
    arn = operator(
        source="s3://media/long.txt",
        modality="text",
        max_length_chars=800,
        truncation_mode="NONE",
        embedding_purpose="CLUSTERING",
        embedding_dimension=384,
        bucket_owner="123456789012",
        tags={"team": "search"},
        client_request_token="mine-1",
    ).execute(make_context())

    assert account.wait_until_ended(arn) == "Completed"
    assert account.bedrock.get_async_invoke(invocationArn=arn)["clientRequestToken"] == "mine-1"
    folder = f"nova/{arn.rsplit('/', 1)[-1]}/embedding-text.jsonl"
    lines = account.s3.get_object(Bucket="output", Key=folder)["Body"].read().splitlines()
    assert len(lines) == 3


def test_throttles_cost_time_only(account, make_context):
    """A busy service is waited out, beyond botocore's own retries."""
    account.set_faults(
        {"operation": "bedrock-runtime.StartAsyncInvoke", "code": "ThrottlingException", "times": 2}
    )

    assert operator(botocore_config={"retries": {"total_max_attempts": 1}}).execute(make_context())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"source": None}, "Give source"),
        ({"output_s3_uri": None}, "output_s3_uri"),
        ({"source": "s3://media/notes.xyz"}, "stands for no modality"),
        ({"max_length_chars": 70_000}, "outside 800 to 50000"),
        ({"source": ["s3://media/a.txt", "s3://media/b.txt"], "client_request_token": "t"}, "for one source"),
    ],
)
def test_bad_arguments_are_told_without_a_retry(account, make_context, arguments, sentence):
    """What a retry cannot mend fails at once, with a sentence."""
    with pytest.raises(AirflowFailException, match=sentence):
        operator(**arguments).execute(make_context())
    assert account.calls("bedrock-runtime.StartAsyncInvoke") == 0


def test_bedrocks_refusal_comes_through(account, make_context):
    """An unknown model is Bedrock's own error."""
    with pytest.raises(ClientError, match="model identifier"):
        operator(model_id="amazon.nova-9:0").execute(make_context())


def test_the_output_link_leads_to_the_folder(account, make_context):
    """The UI's button opens the S3 console at the output's prefix."""
    context = make_context()
    operator().execute(context)

    (url,) = context["ti"].xcoms.values()
    assert url == "https://console.aws.amazon.com/s3/buckets/output?prefix=nova/&region=us-east-1"


@pytest.fixture
def make_shard(account, monkeypatch):
    """Make the handle of a shard with the one text, in a deployment that allows one job at a time."""
    settings = {
        "source_uri": "s3://media/",
        "output_uri": "s3://output/nova",
        "vector_bucket": "vectors",
        "ledger_table": "ledger",
        "max_jobs_in_flight": 1,
    }
    monkeypatch.setenv("AIRFLOW_VAR_NOVA_MME", json.dumps(settings))
    dynamodb = boto3.resource("dynamodb", endpoint_url=account.url)
    made = Settings(**settings)
    Ledger(dynamodb, "ledger", made.space).ensure()

    def make(priority):
        source = source_of("media", "a.txt", account.s3.head_object(Bucket="media", Key="a.txt"))
        run = Run.read(Modality.TEXT, {"priority": priority})
        shard = Shard(0, made, made.space, run, (Work(source, 1, "new"),), "mine/manual__1")
        return shard.write(account.s3, S3Uri.parse("s3://output/nova/runs/1"))

    make.quota = JobQuota(dynamodb, "ledger", 1)
    return make


def test_a_shard_is_started_within_the_quota(account, make_context, make_shard):
    """A handle in, its ARNs out; the job holds the deployment's only slot."""
    (arn,) = operator(shard=make_shard("live"), source=None).execute(make_context())

    token = account.bedrock.get_async_invoke(invocationArn=arn)["clientRequestToken"]
    assert not make_shard.quota.acquire("another")
    assert make_shard.quota.acquire(token)


def test_a_backfill_that_makes_way_is_rescheduled(account, make_context, make_shard):
    """Live work waits: the task starts nothing and is to be run again in 20 to 40 seconds."""
    make_shard.quota.reap(account.bedrock)
    make_shard.quota.announce_live()
    backfill = operator(shard=make_shard("backfill"), source=None)

    with pytest.raises(AirflowRescheduleException) as raised:
        backfill.execute(make_context())

    assert 15 < (raised.value.reschedule_date - datetime.now(UTC)).total_seconds() <= 40
    assert account.calls("bedrock-runtime.StartAsyncInvoke") == 0


def test_arguments_are_found_by_airflow():
    """expand() and default_args know the AWS arguments, and Jinja reaches the fields."""
    assert NovaMMEAsyncOperator.partial(task_id="x", output_s3_uri=OUTPUT).expand(
        aws_conn_id=["a"], source=["s3://media/a.txt"]
    )
    assert {"source", "output_s3_uri", "shard", "aws_conn_id", "region_name"} <= set(
        NovaMMEAsyncOperator.template_fields
    )
