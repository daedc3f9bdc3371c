"""A local AWS with a bucket of media, and what a task sees of Airflow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import requests
from core.deployment import Deployment

from nova_mme_local.server import LocalAws

if TYPE_CHECKING:
    from shell.web_site import Site

TEXT = "s3://media/a.txt"


SETTINGS = {
    "source_uri": "s3://media/",
    "output_uri": "s3://output/nova",
    "vector_bucket": "vectors",
    "ledger_table": "ledger",
    "model_revision": "test",
}


class Account:
    """Clients of a local AWS, its counters and its faults."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.s3 = boto3.client("s3", endpoint_url=url)
        self.bedrock = boto3.client("bedrock-runtime", endpoint_url=url)

    def calls(self, operation: str) -> int:
        """How many calls of an operation were answered well."""
        return requests.get(f"{self.url}/_local/stats", timeout=10).json()["operations"].get(operation, 0)

    def set_faults(self, *faults: dict[str, Any]) -> None:
        """Replace the injected faults."""
        requests.put(f"{self.url}/_local/faults", json=list(faults), timeout=10).raise_for_status()

    def upload(self, key: str, body: bytes) -> str:
        """Put an object into the bucket of media; returns its URI."""
        self.s3.put_object(Bucket="media", Key=key, Body=body)
        return f"s3://media/{key}"

    def wait_until_ended(self, arn: str) -> str:
        """Poll a job until it has ended, at most ten seconds; returns its status."""
        import time

        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            status = self.bedrock.get_async_invoke(invocationArn=arn)["status"]
            if status != "InProgress":
                return status
        raise AssertionError(f"{arn} did not end in ten seconds")


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """A local AWS with the buckets `media` (holding a.txt) and `output`, known to Airflow as aws_default."""
    with LocalAws(job_seconds=0.3) as aws:
        connection = {
            "conn_type": "aws",
            "login": "local",
            "password": "local",
            "extra": {"endpoint_url": aws.url, "region_name": "us-east-1"},
        }
        monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
        account = Account(aws.url)
        for bucket in ("media", "output"):
            account.s3.create_bucket(Bucket=bucket)
        account.upload("a.txt", b"Rain falls when warm air rises and cools.")
        yield account


@pytest.fixture
def site(account: Account, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The web application over a deployment that is set up and holds nothing."""
    from shell.web_site import Site

    account.s3.delete_object(Bucket="media", Key="a.txt")

    monkeypatch.setenv("AIRFLOW_VAR_NOVA_MME", json.dumps(SETTINGS))
    deployment = Deployment(SimpleNamespace(url=account.url))  # type: ignore[arg-type]
    deployment.store.ensure()
    deployment.ledger.ensure()
    return Site.open(deployment)


class TaskInstance(SimpleNamespace):
    """What the operators ask of a task instance."""

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep a value."""
        self.xcoms[key] = value


@pytest.fixture
def make_context():
    """Make a task's context, for its n-th try."""

    def make(try_number: int = 1, run_id: str = "manual__1") -> dict[str, Any]:
        ti = TaskInstance(
            dag_id="mine", task_id="submit", run_id=run_id, map_index=-1, try_number=try_number, xcoms={}
        )
        return {"ti": ti}

    return make
