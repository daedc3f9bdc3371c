"""One real Airflow and one local AWS for a module of end-to-end tests; each test has a prefix of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

from nova_mme_local.samples import ROOT as SAMPLES
from nova_mme_local.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
OWN_DAGS = Path(__file__).parent / "own_dags"
DIMENSIONS = (256, 384, 1024, 3072)


class Deployment:
    """What a test does to the running stack, and what it reads from it."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.api = stack, stack.api
        client = lambda service: boto3.client(service, endpoint_url=stack.aws_url)  # noqa: E731
        self.s3, self.vectors, self.bedrock = client("s3"), client("s3vectors"), client("bedrock-runtime")
        self.ledger = boto3.resource("dynamodb", endpoint_url=stack.aws_url).Table("nova-mme-ledger")

    def upload(self, prefix: str, *files: Path) -> None:
        """Put files below a prefix of the media bucket."""
        for file in files:
            self.s3.upload_file(str(file), "nova-mme-media", f"{prefix}/{file.name}")

    def put(self, key: str, body: bytes) -> str:
        """Put an object into the media bucket; returns its URI."""
        self.s3.put_object(Bucket="nova-mme-media", Key=key, Body=body)
        return f"s3://nova-mme-media/{key}"

    def start(self, dag_id: str, **conf: Any) -> str:
        """Trigger a DAG; returns the run's id."""
        return self.api.trigger(dag_id, conf)

    def finish(self, dag_id: str, run_id: str) -> tuple[str, dict[str, Any]]:
        """Wait for a run; returns its state and the summary of its report."""
        state = self.api.wait(dag_id, run_id, timeout=240)
        return state, self.api.xcom(dag_id, run_id, "report")

    def embed(self, modality: str, **conf: Any) -> dict[str, Any]:
        """Run an embedding DAG to its end, which is to be success; returns the report's summary."""
        state, summary = self.finish(f"embed_{modality}", self.start(f"embed_{modality}", **conf))
        assert state == "success", summary
        return summary

    def stored(self, dimension: int, prefix: str) -> dict[str, dict[str, Any]]:
        """All vectors of an index whose source is below the prefix, by key."""
        pages = self.vectors.get_paginator("list_vectors").paginate(
            vectorBucketName="nova-mme-vectors",
            indexName=f"embeddings-{dimension}d",
            returnData=True,
            returnMetadata=True,
        )
        found = (vector for page in pages for vector in page["vectors"])
        place = f"s3://nova-mme-media/{prefix}/"
        return {v["key"]: v for v in found if v["metadata"]["sourceS3Uri"].startswith(place)}

    def calls(self) -> dict[str, int]:
        """Local AWS's counters of calls answered well."""
        return requests.get(f"{self.stack.aws_url}/_local/stats", timeout=10).json()["operations"]

    def set_faults(self, *faults: dict[str, Any]) -> None:
        """Replace the injected faults."""
        url = f"{self.stack.aws_url}/_local/faults"
        requests.put(url, json=list(faults), timeout=10).raise_for_status()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Airflow with this project's DAGs and the tests' own ones."""
    dags = tmp_path_factory.mktemp("dags")
    for file in (*(ROOT / "dags").glob("*.py"), *OWN_DAGS.glob("*.py")):
        shutil.copy(file, dags)
    with Stack(tmp_path_factory.mktemp("stack"), dags_folder=dags, job_seconds=8.0) as running:
        yield running


@pytest.fixture(scope="module")
def ready(stack: Stack) -> Deployment:
    """The stack with its buckets, set up by the DAG that is for it."""
    deployment = Deployment(stack)
    for bucket in ("nova-mme-media", "nova-mme-output"):
        deployment.s3.create_bucket(Bucket=bucket)
    run_id = deployment.start("setup_embeddings")
    assert deployment.api.wait("setup_embeddings", run_id, timeout=120) == "success"
    return deployment


@pytest.fixture
def deployment(ready: Deployment) -> Iterator[Deployment]:
    """The deployment, without another test's faults."""
    ready.set_faults()
    yield ready
    ready.set_faults()


@pytest.fixture(scope="module")
def samples() -> Path:
    """The folder of the sample media."""
    return SAMPLES
