"""Faults hit the calls they name, as often as they say, and look to boto3 like AWS's own."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError
from local.clients import show_stats

from nova_mme_local.faults import BadFault, CallFault, Faults, JobFault
from nova_mme_local.server import LocalAws


def put_faults(aws: LocalAws, faults: Any) -> dict:
    body = json.dumps(faults).encode()
    request = urllib.request.Request(f"{aws.url}/_local/faults", data=body, method="PUT")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def get(aws: LocalAws, name: str, method: str = "GET") -> dict:
    with urllib.request.urlopen(urllib.request.Request(f"{aws.url}/_local/{name}", method=method)) as answer:
        return json.load(answer)


def code_of(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"]


# --- the list ----------------------------------------------------------------------------------------


def test_a_fault_happens_once_unless_told_otherwise():
    """Without "times" a fault hits one call, with it that many, and then no more."""
    faults = Faults()
    faults.replace(
        [{"operation": "s3vectors.PutVectors", "code": "A", "times": 2}, {"operation": "*", "code": "B"}]
    )
    hits = [faults.for_call("s3vectors.PutVectors", index=None) for _ in range(4)]
    assert [hit.code if hit else None for hit in hits] == ["A", "A", "B", None]
    assert [entry["left"] for entry in faults.show()] == [0, 0]


def test_probability_has_no_end_and_repeats_itself():
    """The same list and the same calls give the same faults; about as many as asked for."""
    faults = Faults()
    runs = []
    for _ in range(2):
        faults.replace([{"operation": "*", "code": "A", "probability": 0.25}])
        runs.append([faults.for_call("s3.GetObject", index=None) is not None for _ in range(1000)])
    assert runs[0] == runs[1]
    assert 200 < sum(runs[0]) < 300


def test_probability_can_be_bounded():
    """With "times" a random fault stops after that many hits."""
    faults = Faults()
    faults.replace([{"operation": "*", "code": "A", "probability": 1.0, "times": 3}])
    assert sum(faults.for_call("s3.GetObject", index=None) is not None for _ in range(10)) == 3


def test_wildcards_and_indexes_narrow_a_fault():
    """ "dynamodb.*" means that service only, "index" that index only."""
    faults = Faults()
    faults.replace(
        [
            {"operation": "dynamodb.*", "code": "A", "times": 9},
            {"operation": "s3vectors.PutVectors", "index": "small", "code": "B", "times": 9},
        ]
    )
    assert faults.for_call("dynamodb.PutItem", index=None) == CallFault(code="A")
    assert faults.for_call("sqs.SendMessage", index=None) is None
    assert faults.for_call("s3vectors.PutVectors", index="large") is None
    assert faults.for_call("s3vectors.PutVectors", index="small") == CallFault(code="B")
    assert faults.asks_for_index("s3vectors.PutVectors")
    assert not faults.asks_for_index("dynamodb.PutItem")


def test_job_faults_match_the_source():
    """A job fault is found by a pattern in the source's uri, without end unless "times" says so."""
    faults = Faults()
    faults.replace(
        [
            {"job": r"bad\.mp4$", "status": "Failed", "message": "no", "times": 1},
            {"job": "slow", "delay_seconds": 2, "failed_segments": [1, 3], "failure_reason": "TOO_DARK"},
        ]
    )
    assert faults.for_job("s3://bucket/good.mp4") is None
    assert faults.for_job("s3://bucket/bad.mp4") == JobFault(status="Failed", message="no")
    assert faults.for_job("s3://bucket/bad.mp4") is None
    slow = JobFault(delay_seconds=2, failed_segments=(1, 3), failure_reason="TOO_DARK")
    assert [faults.for_job("s3://bucket/slow.wav") for _ in range(2)] == [slow, slow]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("throttle", "must be an object"),
        ({"code": "A"}, '"operation" or "job"'),
        ({"operation": "*", "job": "x"}, '"operation" or "job"'),
        ({"operation": "*"}, "does nothing"),
        ({"operation": "*", "kode": "A"}, 'unknown member "kode"'),
        ({"operation": "*", "code": 5}, "must be of type str"),
        ({"operation": "*", "code": "A", "times": True}, "must be of type int"),
        ({"operation": "*", "code": "A", "times": -1}, "must not be negative"),
        ({"operation": "*", "code": "A", "status": 200}, "between 400 and 599"),
        ({"job": "(", "status": "Failed"}, "no regular expression"),
        ({"job": "x", "status": "Lost"}, 'only be "Failed"'),
        ({"job": "x", "failed_segments": ["1"]}, "list of segment indexes"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(entry: Any, told: str):
    """A typo would let a test pass for nothing: it is told, and the old list stays."""
    faults = Faults()
    faults.replace([{"operation": "*", "code": "A"}])
    with pytest.raises(BadFault, match="Fault 1") as caught:
        faults.replace([entry])
    assert told in str(caught.value)
    assert [shown["code"] for shown in faults.show()] == ["A"]


# --- over HTTP ---------------------------------------------------------------------------------------


def test_every_protocol_tells_the_code(local_aws: LocalAws, client):
    """An injected error reaches boto3 under its own code, in XML, JSON and query protocols."""
    put_faults(local_aws, [{"operation": "*", "code": "ThrottlingException", "status": 429, "times": 6}])
    calls = [
        (client("s3").list_objects_v2, {"Bucket": "b"}),
        (client("sqs").list_queues, {}),
        (client("dynamodb").list_tables, {}),
        (client("sts").get_caller_identity, {}),
        (client("s3vectors").list_vector_buckets, {}),
        (client("bedrock-runtime").list_async_invokes, {}),
    ]
    assert [code_of(call, **params) for call, params in calls] == ["ThrottlingException"] * 6
    client("sqs").list_queues()


def test_a_modelled_code_raises_its_exception(local_aws: LocalAws, client):
    """boto3's own exception classes and the model's statuses apply when the fault names no status."""
    dynamodb = client("dynamodb")
    put_faults(
        local_aws,
        [
            {
                "operation": "dynamodb.ListTables",
                "code": "ProvisionedThroughputExceededException",
                "message": "slow",
            }
        ],
    )
    with pytest.raises(dynamodb.exceptions.ProvisionedThroughputExceededException, match="slow") as caught:
        dynamodb.list_tables()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_retries_get_through_a_passing_fault(local_aws: LocalAws, client):
    """A client that retries does not notice a SlowDown; the stats do."""
    s3 = client("s3", attempts=4)
    s3.create_bucket(Bucket="bucket")
    put_faults(local_aws, [{"operation": "s3.PutObject", "code": "SlowDown"}])
    s3.put_object(Bucket="bucket", Key="key", Body=b"x")
    stats = show_stats(local_aws)
    assert stats["errors"] == {"s3.PutObject": 1}
    assert stats["operations"]["s3.PutObject"] == 1


def test_a_dropped_connection_is_not_carried_out(local_aws: LocalAws, client):
    """The client sees a closed connection, and nothing was stored."""
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket")
    put_faults(local_aws, [{"operation": "s3.PutObject", "drop_connection": True}])
    with pytest.raises(HTTPClientError):
        s3.put_object(Bucket="bucket", Key="key", Body=b"x")
    assert s3.list_objects_v2(Bucket="bucket")["KeyCount"] == 0
    assert show_stats(local_aws)["errors"] == {"s3.PutObject": 1}


@pytest.mark.parametrize(
    ("fault", "error"), [({}, HTTPClientError), ({"code": "InternalError", "status": 500}, ClientError)]
)
def test_a_lost_answer_was_carried_out(local_aws: LocalAws, client, fault: dict, error: type[Exception]):
    """With "after" the call does its work, and only its answer is lost or replaced by an error."""
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket")
    put_faults(local_aws, [{"operation": "s3.PutObject", "after": True, **fault}])
    with pytest.raises(error):
        s3.put_object(Bucket="bucket", Key="key", Body=b"x")
    assert s3.get_object(Bucket="bucket", Key="key")["Body"].read() == b"x"


def test_a_delay_alone_only_slows_down(local_aws: LocalAws, client):
    """A fault with a delay only answers well, later."""
    put_faults(local_aws, [{"operation": "sts.GetCallerIdentity", "delay_seconds": 0.3}])
    sts = client("sts")
    begun = time.monotonic()
    assert sts.get_caller_identity()["Account"] == "123456789012"
    assert time.monotonic() - begun >= 0.3


def test_a_fault_can_mean_one_index(local_aws: LocalAws, client):
    """Only the index that the fault names is hurt, by name and by ARN."""
    vectors = client("s3vectors")
    vectors.create_vector_bucket(vectorBucketName="bucket")
    arns = [
        vectors.create_index(
            vectorBucketName="bucket",
            indexName=name,
            dataType="float32",
            dimension=2,
            distanceMetric="cosine",
        )["indexArn"]
        for name in ("one", "two")
    ]
    put_faults(
        local_aws, [{"operation": "s3vectors.ListVectors", "index": "two", "code": "Broken", "times": 2}]
    )
    vectors.list_vectors(indexArn=arns[0])
    assert code_of(vectors.list_vectors, indexArn=arns[1]) == "Broken"
    assert code_of(vectors.list_vectors, vectorBucketName="bucket", indexName="two") == "Broken"


def test_faults_are_shown_and_cleared(local_aws: LocalAws, client):
    """GET shows what is left, DELETE ends it."""
    put_faults(local_aws, [{"operation": "sqs.*", "code": "Broken", "times": 3}])
    code_of(client("sqs").list_queues)
    assert get(local_aws, "faults") == {
        "faults": [{"operation": "sqs.*", "code": "Broken", "times": 3, "left": 2}]
    }
    get(local_aws, "faults", "DELETE")
    client("sqs").list_queues()


@pytest.mark.parametrize("faults", [{"operation": "*"}, [{"operation": "*", "kode": 1}]])
def test_a_wrong_list_is_refused_over_http(local_aws: LocalAws, faults: Any):
    """PUT answers 400 with a sentence."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        put_faults(local_aws, faults)
    assert caught.value.code == 400
    assert json.load(caught.value)["message"]
