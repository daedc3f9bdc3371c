"""The command line: `python -m nova_mme_local.aws` starts, is killed, starts again, and ends cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.clients import open_client

INCLUDE = Path(__file__).parents[2] / "include"
SECONDS = 30


@contextmanager
def command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command; whatever happens, it is gone afterwards."""
    environment = {**os.environ, "PYTHONPATH": str(INCLUDE)}
    process = subprocess.Popen(
        [sys.executable, "-m", "nova_mme_local.aws", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=SECONDS)


def read_address(process: subprocess.Popen[str]) -> str:
    """Wait for the line that the command prints once it answers."""
    line = process.stdout.readline()
    assert line.startswith("Local AWS answers at http://127.0.0.1:"), line + process.stderr.read()
    return line.split()[4]


def test_what_was_stored_survives_a_kill(tmp_path):
    """After kill -9 objects, items, messages and vectors are there; SIGTERM then ends it with code 0."""
    index = {"vectorBucketName": "media", "indexName": "index"}
    with command("--port", "0", "--data", str(tmp_path)) as process:
        url = read_address(process)
        s3, dynamodb = open_client(url, "s3"), open_client(url, "dynamodb")
        sqs, vectors = open_client(url, "sqs"), open_client(url, "s3vectors")
        s3.create_bucket(Bucket="bucket")
        dynamodb.create_table(
            TableName="table",
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        sqs.send_message(QueueUrl=sqs.create_queue(QueueName="queue")["QueueUrl"], MessageBody="hello")
        vectors.create_vector_bucket(vectorBucketName="media")
        vectors.create_index(**index, dataType="float32", dimension=2, distanceMetric="cosine")
        for number in range(20):
            s3.put_object(Bucket="bucket", Key=f"k{number}", Body=b"x" * number)
            dynamodb.put_item(TableName="table", Item={"k": {"S": f"k{number}"}})
            vectors.put_vectors(**index, vectors=[{"key": f"k{number}", "data": {"float32": [1, number]}}])
        listed = s3.list_objects_v2(Bucket="bucket")["Contents"]
        process.kill()
        assert process.wait(SECONDS) == -signal.SIGKILL
    with command("--port", "0", "--data", str(tmp_path)) as process:
        url = read_address(process)
        assert open_client(url, "s3").list_objects_v2(Bucket="bucket")["Contents"] == listed
        assert open_client(url, "dynamodb").scan(TableName="table")["Count"] == 20
        assert len(open_client(url, "s3vectors").list_vectors(**index)["vectors"]) == 20
        [queue] = open_client(url, "sqs").list_queues()["QueueUrls"]
        [message] = open_client(url, "sqs").receive_message(QueueUrl=queue)["Messages"]
        assert message["Body"] == "hello"
        process.terminate()
        assert process.wait(SECONDS) == 0


def test_a_busy_port_is_told_in_a_sentence():
    """Exit code 1, and no traceback."""
    with command("--port", "0") as first:
        port = read_address(first).rpartition(":")[2]
        with command("--port", port) as second:
            assert second.wait(SECONDS) == 1
            told = second.stderr.read()
        assert f"127.0.0.1:{port}: Address already in use" in told
        assert "Traceback" not in told
        first.send_signal(signal.SIGINT)
        assert first.wait(SECONDS) == 0


def test_a_remote_address_needs_permission():
    """Listening where other machines can connect is refused unless it is asked for."""
    with command("--host", "0.0.0.0", "--port", "0") as process:
        assert process.wait(SECONDS) == 1
        assert "--allow-remote" in process.stderr.read()
