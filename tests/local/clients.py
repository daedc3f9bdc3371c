"""boto3 clients of a local AWS under test, one that runs already or one that is started for them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from nova_mme_local.server import LocalAws

# One session: it reads botocore's models once for all tests.
SESSION = boto3.session.Session(
    aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
)


def open_client(aws: LocalAws | str, service: str, *, attempts: int = 1, region: str = "us-east-1") -> Any:
    """Open a client of a running local AWS (or of an address); it does not retry unless told to."""
    url = aws if isinstance(aws, str) else aws.url
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts}, s3={"addressing_style": "path"}
    )
    return SESSION.client(service, endpoint_url=url, region_name=region, config=config)


@contextmanager
def running(data: Path) -> Iterator[Callable[..., Any]]:
    """Run a local AWS on a data directory; yields what opens clients."""
    with LocalAws(data=data) as aws:
        yield lambda service, **options: open_client(aws, service, **options)


def ask(aws: LocalAws, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str) -> Any:
    """Send one plain HTTP request on a connection of its own and return (status, headers, body)."""
    connection = http.client.HTTPConnection(aws.url.removeprefix("http://"))
    connection.request(method, path, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers, body


def show_stats(aws: LocalAws) -> dict[str, Any]:
    """Return what GET /_local/stats tells."""
    return json.loads(ask(aws, "/_local/stats")[2])


def create_table(dynamodb: Any, name: str = "table", *, sort: bool = False) -> None:
    """Create a table with the key "k", and with the sort key "s" if wanted."""
    keys = [("k", "HASH"), ("s", "RANGE")] if sort else [("k", "HASH")]
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )
