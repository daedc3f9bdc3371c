"""The HTTP underneath: kept connections, bodies of all kinds, many clients at once; and one server in a process."""

from __future__ import annotations

import asyncio
import http.client
import io
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from aiobotocore.session import get_session
from botocore.exceptions import ClientError
from local.clients import ask

from nova_mme_local.scope import forge_authorization
from nova_mme_local.server import LocalAws


def test_connections_are_kept_alive(local_aws: LocalAws):
    """Many requests go over one connection, with and without bodies, answered and refused."""
    connection = http.client.HTTPConnection(local_aws.url.removeprefix("http://"))
    connection.connect()
    address = connection.sock.getsockname()
    for method, path, body in [
        ("PUT", "/bucket", None),
        ("PUT", "/bucket/key", b"x" * 100_000),
        ("HEAD", "/bucket/key", None),
        ("GET", "/bucket/key", None),
        ("HEAD", "/bucket/none", None),
        ("GET", "/bucket/none", None),
        ("DELETE", "/bucket/key", None),
        ("GET", "/_local/stats", None),
    ]:
        headers = {"Authorization": forge_authorization("s3", "us-east-1")}
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert connection.sock.getsockname() == address, (method, path)
    connection.close()


def test_a_chunked_body_is_read_whole(local_aws: LocalAws, client):
    """A client that does not know the length sends chunks, and the next request still works."""
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket")
    connection = http.client.HTTPConnection(local_aws.url.removeprefix("http://"))
    headers = {"Authorization": forge_authorization("s3", "us-east-1"), "Transfer-Encoding": "chunked"}
    connection.request(
        "PUT", "/bucket/k", body=iter([b"ab" * 5000, b"cd"]), headers=headers, encode_chunked=True
    )
    assert connection.getresponse().read() == b""
    connection.request("GET", "/bucket/k", headers=headers | {"Transfer-Encoding": ""})
    assert connection.getresponse().read() == b"ab" * 5000 + b"cd"
    connection.close()


def test_large_objects_go_in_and_out(client):
    """Twenty megabytes, uploaded in parts by boto3's transfer manager, come back byte for byte."""
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket")
    body = bytes(range(256)) * 4096 * 20
    s3.upload_fileobj(io.BytesIO(body), "bucket", "large")
    target = io.BytesIO()
    s3.download_fileobj("bucket", "large", target)
    assert target.getvalue() == body


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """Let the interpreter change threads all the time, so that a race is lost at once instead of once a week."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("quick_switches")
def test_only_one_conditional_write_wins(client):
    """Of many threads that create the same item, or the same object, exactly one succeeds."""
    dynamodb, s3 = client("dynamodb"), client("s3")
    s3.create_bucket(Bucket="bucket")
    dynamodb.create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def create_item(number: int) -> bool:
        item = {"k": {"S": "one"}, "by": {"N": str(number)}}
        try:
            dynamodb.put_item(TableName="table", Item=item, ConditionExpression="attribute_not_exists(k)")
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def create_object(number: int) -> bool:
        try:
            s3.put_object(Bucket="bucket", Key=f"k{number % 20}", Body=b"x" * 100_000, IfNoneMatch="*")
        except ClientError as error:
            return error.response["Error"]["Code"] != "PreconditionFailed"
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(create_item, range(24))) == 1
        assert sum(threads.map(create_object, sorted(range(80), key=lambda number: number % 20))) == 20


def test_asynchronous_clients_work(local_aws: LocalAws):
    """aiobotocore, which Airflow's triggers use, sends many calls at once."""

    async def main() -> list[int]:
        options = {"endpoint_url": local_aws.url, "region_name": "us-east-1"}
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        async with get_session().create_client("s3", **options, **keys) as s3:
            await s3.create_bucket(Bucket="bucket")
            await asyncio.gather(
                *(s3.put_object(Bucket="bucket", Key=f"k{n}", Body=b"x" * n) for n in range(40))
            )
            heads = await asyncio.gather(*(s3.head_object(Bucket="bucket", Key=f"k{n}") for n in range(40)))
        return [head["ContentLength"] for head in heads]

    assert asyncio.run(main()) == list(range(40))


def test_what_nobody_emulates_is_refused_once(local_aws: LocalAws):
    """A client hears so at its first try, instead of trying again and again."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    bedrock = boto3.client("bedrock", endpoint_url=local_aws.url, **keys)
    with pytest.raises(ClientError, match="get_foundation_model") as caught:
        bedrock.get_foundation_model(modelIdentifier="some-model")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_there_is_one_in_a_process(local_aws: LocalAws):
    """A second one would share moto's state with the first: it is refused, and the first goes on."""
    with pytest.raises(RuntimeError, match="already runs"):
        LocalAws()
    assert ask(local_aws, "/_local/health")[0] == 200


def test_a_taken_port_is_an_error(local_aws: LocalAws):
    """Starting on a port in use fails at once with the system's error."""
    port = int(local_aws.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        LocalAws(port=port)


def test_another_machine_cannot_be_served_by_accident():
    """An address that others can reach needs allow_remote."""
    with pytest.raises(ValueError, match="--allow-remote"):
        LocalAws(host="0.0.0.0")


def test_what_was_stored_in_memory_is_gone():
    """Without a data directory the next one starts empty, although moto's state is global."""
    for _ in range(2):
        with LocalAws() as aws:
            headers = {"Authorization": forge_authorization("s3", "us-east-1")}
            assert ask(aws, "/bucket", method="HEAD", **headers)[0] == 404
            assert ask(aws, "/bucket", method="PUT", **headers)[0] == 200


def test_a_closed_one_hangs_up():
    """Idle connections end with the server, and its port is free again."""
    with LocalAws() as aws:
        connection = http.client.HTTPConnection(aws.url.removeprefix("http://"), timeout=10)
        connection.request("GET", "/_local/health")
        connection.getresponse().read()
    assert connection.sock.recv(1) == b""
    connection.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{aws.url}/_local/health", timeout=5)
