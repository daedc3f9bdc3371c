"""A whole deployment of the core on local AWS, driven step by step as the DAGs' tasks would do it."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from core.builders import make_settings

from nova_mme.ingest import Ingest
from nova_mme.job_starter import JobStarter
from nova_mme.ledger import Ledger
from nova_mme.outcome import Outcome
from nova_mme.plan import Plan, make_plan
from nova_mme.row import Row
from nova_mme.run import Run
from nova_mme.settings import Settings
from nova_mme.shard import Shard
from nova_mme.source import Source, list_sources, source_of
from nova_mme.space import DIMENSIONS
from nova_mme.store import VectorStore
from nova_mme.submit import Meter, submit
from nova_mme_local.server import LocalAws

_CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
_DEADLINE_SECONDS = 20.0


def open_client(url: str, service: str, **options: Any) -> Any:
    """A boto3 client of one try, so that an injected fault is seen and not retried away."""
    config = Config(retries={"mode": "standard", "total_max_attempts": options.pop("attempts", 1)}, **options)
    return boto3.client(service, endpoint_url=url, config=config, **_CREDENTIALS)


def open_dynamodb(url: str, *, attempts: int = 1) -> Any:
    """A boto3 DynamoDB resource; of one try, as the clients are."""
    config = Config(retries={"mode": "standard", "total_max_attempts": attempts})
    return boto3.resource("dynamodb", endpoint_url=url, config=config, **_CREDENTIALS)


def no_sleep(seconds: float) -> None:
    """Stands in for time.sleep where a test must not wait."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it was asked of a client."""

    operation: str
    params: dict[str, Any]


@dataclass
class Deployment:
    """Buckets, indexes and ledger of one deployment, with the clients that reach them."""

    aws: LocalAws
    settings: Settings = field(default_factory=make_settings)

    @cached_property
    def s3(self) -> Any:
        """Amazon S3."""
        return open_client(self.aws.url, "s3")

    @cached_property
    def bedrock(self) -> Any:
        """Amazon Bedrock Runtime."""
        return open_client(self.aws.url, "bedrock-runtime")

    @cached_property
    def s3vectors(self) -> Any:
        """Amazon S3 Vectors."""
        return open_client(self.aws.url, "s3vectors")

    @cached_property
    def dynamodb(self) -> Any:
        """Amazon DynamoDB, as a resource."""
        return open_dynamodb(self.aws.url)

    @property
    def dynamodb_client(self) -> Any:
        """The client below the resource."""
        return self.dynamodb.meta.client

    @property
    def ledger(self) -> Ledger:
        """The ledger of the deployment's space."""
        return Ledger(self.dynamodb, self.settings.ledger_table, self.settings.space)

    @property
    def store(self) -> VectorStore:
        """The four indexes."""
        return VectorStore(self.s3vectors, self.settings.vector_bucket, self.settings.space)

    def create_buckets(self) -> Deployment:
        """Make the buckets for media and output."""
        for bucket in ("media", "output"):
            self.s3.create_bucket(Bucket=bucket)
        return self

    def create(self) -> Deployment:
        """Make buckets, indexes and table."""
        self.create_buckets()
        self.store.ensure()
        self.ledger.ensure()
        return self

    def upload(self, key: str, body: bytes, **options: Any) -> Source:
        """Put a media object; returns it as the next listing will show it."""
        self.s3.put_object(Bucket="media", Key=key, Body=body, **options)
        return source_of("media", key, self.s3.head_object(Bucket="media", Key=key))

    def listing(self) -> list[Source]:
        """What is in the media bucket."""
        return list(list_sources(self.s3, self.settings.source_uri))

    def plan(self, run: Run) -> Plan:
        """What is due."""
        return make_plan(self.listing(), self.ledger, run)

    def shard(self, run: Run) -> Shard:
        """Everything that is due, as one shard."""
        return Shard(0, self.settings, self.settings.space, run, tuple(self.plan(run).works))

    def submit(
        self,
        shard: Shard,
        *,
        patience: float = 60.0,
        sleep: Callable[[float], None] = no_sleep,
        meter: Meter | None = None,
    ) -> list[str]:
        """Start the shard's jobs."""
        starter = JobStarter(self.bedrock, patience=patience, sleep=sleep)
        return submit(shard, s3=self.s3, starter=starter, ledger=self.ledger, meter=meter)

    def wait(self, arns: Iterable[str]) -> None:
        """Return when none of the jobs is in progress any more."""
        deadline = time.monotonic() + _DEADLINE_SECONDS
        for arn in arns:
            while self.bedrock.get_async_invoke(invocationArn=arn)["status"] == "InProgress":
                assert time.monotonic() < deadline, f"{arn} does not end"
                time.sleep(0.01)

    def ingest(self, shard: Shard, *, is_broke: bool = False) -> list[Outcome]:
        """Store what the shard's jobs have produced."""
        return Ingest(shard, self.s3, self.bedrock, self.store, self.ledger, is_broke).run()

    def embed(self, run: Run) -> list[Outcome]:
        """Plan, submit, wait and store, as one run of a DAG."""
        shard = self.shard(run)
        self.wait(self.submit(shard))
        return self.ingest(shard)

    def row(self, source: Source) -> Row:
        """The source's ledger row; KeyError when there is none."""
        return self.ledger.rows([source])[source.object_id]

    def keys(self, dimension: int) -> set[str]:
        """All keys of one index."""
        request = {"vectorBucketName": self.settings.vector_bucket, "indexName": self.index(dimension)}
        pages = self.s3vectors.get_paginator("list_vectors").paginate(**request)
        return {vector["key"] for page in pages for vector in page["vectors"]}

    def all_keys(self) -> set[str]:
        """The keys of the indexes, which must be the same in all four."""
        first, *others = (self.keys(dimension) for dimension in DIMENSIONS)
        assert all(keys == first for keys in others)
        return first

    def vector(self, dimension: int, key: str) -> dict[str, Any]:
        """One stored vector with data and metadata."""
        answer = self.s3vectors.get_vectors(
            vectorBucketName=self.settings.vector_bucket,
            indexName=self.index(dimension),
            keys=[key],
            returnData=True,
            returnMetadata=True,
        )
        return answer["vectors"][0]

    def index(self, dimension: int) -> str:
        """The name of one index."""
        return self.settings.space.index_name(dimension)

    @contextmanager
    def record(self, client: str) -> Iterator[list[Call]]:
        """Collect the calls of a client; they are carried out all the same."""
        calls: list[Call] = []

        def note(params: dict[str, Any], model: Any, **_: Any) -> None:
            calls.append(Call(model.name, dict(params)))

        events = getattr(self, client).meta.events
        events.register("provide-client-params.*", note)
        try:
            yield calls
        finally:
            events.unregister("provide-client-params.*", note)

    def put_faults(self, *faults: Mapping[str, Any]) -> None:
        """Put these faults in force, instead of what was."""
        request = urllib.request.Request(
            f"{self.aws.url}/_local/faults",
            data=json.dumps(faults).encode(),
            headers={"Content-Type": "application/json"},
            method="PUT",
        )
        urllib.request.urlopen(request, timeout=10).close()

    def calls(self, operation: str) -> int:
        """How many calls of an operation were answered well since the last reset."""
        with urllib.request.urlopen(f"{self.aws.url}/_local/stats", timeout=10) as answer:
            return json.load(answer)["operations"].get(operation, 0)

    def jobs_started(self) -> int:
        """How many jobs Bedrock has started: each is paid for."""
        return self.aws.show_stats()["async_jobs"]["started"]

    def output_files(self) -> list[str]:
        """The keys of the output bucket."""
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket="output").get("Contents", ())]


def texts(deployment: Deployment, count: int, *, words: int = 40) -> list[Source]:
    """Upload this many small texts, all different."""
    bodies = (
        f"Text number {number}. " + "All cats are grey at night. " * (words // 6) for number in range(count)
    )
    return [deployment.upload(f"text-{number}.txt", body.encode()) for number, body in enumerate(bodies)]
