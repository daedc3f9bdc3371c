"""The paths under /_local/: what they tell, what they do, and whom they refuse."""

from __future__ import annotations

import json

import pytest
from local.clients import ask, show_stats

from nova_mme_local.console import is_loopback
from nova_mme_local.server import LocalAws


def test_health_says_what_is_there(local_aws: LocalAws):
    """GET /_local/health answers ok and names the services."""
    health = json.loads(ask(local_aws, "/_local/health")[2])
    assert health["status"] == "ok"
    assert {"s3", "s3vectors", "bedrock-runtime"} <= set(health["services"])


def test_reset_empties_everything(local_aws: LocalAws, client):
    """After POST /_local/reset there are no objects, vectors, tables, queues, faults or counts."""
    client("s3").create_bucket(Bucket="bucket")
    client("s3vectors").create_vector_bucket(vectorBucketName="vectors")
    client("sqs").create_queue(QueueName="queue")
    ask(local_aws, "/_local/faults", method="PUT", body=b'[{"operation": "s3.*", "code": "A"}]')
    assert ask(local_aws, "/_local/reset", method="POST")[0] == 200
    assert show_stats(local_aws)["operations"] == {}
    assert client("s3").list_buckets()["Buckets"] == []
    assert client("s3vectors").list_vector_buckets()["vectorBuckets"] == []
    assert "QueueUrls" not in client("sqs").list_queues()
    client("s3").create_bucket(Bucket="bucket")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/_local/reset", 405), ("POST", "/_local/stats", 405), ("GET", "/_local/nothing", 404)],
)
def test_a_wrong_path_or_method_is_told(local_aws: LocalAws, method: str, path: str, status: int):
    """/_local/ refuses what it does not have, in a sentence."""
    found, _, body = ask(local_aws, path, method=method)
    assert found == status
    assert json.loads(body)["message"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4566", "10.0.0.1", "127.0.0.1.evil.example", ""]
)
def test_local_paths_refuse_a_foreign_host(local_aws: LocalAws, host: str):
    """A host name that an attacker points at 127.0.0.1 must not reach the switches."""
    assert ask(local_aws, "/_local/reset", method="POST", Host=host)[0] == 403


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:4566", "127.0.0.1", "127.0.0.1:80", "[::1]:4566", "127.1.2.3"]
)
def test_this_machine_is_known_by_its_names(host: str):
    """All spellings of the loopback address are accepted."""
    assert is_loopback(host)


def test_local_paths_refuse_a_foreign_web_page(local_aws: LocalAws):
    """A page on the web may send a POST to localhost without asking; its Origin gives it away."""
    assert ask(local_aws, "/_local/reset", method="POST", Origin="https://evil.example")[0] == 403
    assert ask(local_aws, "/_local/reset", method="POST", Origin="http://localhost:8080")[0] == 200


def test_web_pages_may_not_read_buckets(local_aws: LocalAws):
    """Answers carry no permission for other origins, and moto's own API is closed."""
    _, headers, _ = ask(local_aws, "/bucket", Origin="https://evil.example")
    assert "Access-Control-Allow-Origin" not in headers
    assert ask(local_aws, "/moto-api/reset", method="POST")[0] == 404
