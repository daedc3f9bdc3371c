"""reconcile_embeddings, task by task, over a deployment of local AWS."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from core.deployment import Deployment
from core.stocked import stock
from core.two_spaces import NEXT, open_side, put, store

from nova_mme.source import Source
from nova_mme.space import DIMENSIONS
from nova_mme.space_registry import SpaceRegistry
from nova_mme_airflow import reconciling

SETTINGS = {
    "source_uri": "s3://media/",
    "output_uri": "s3://output/nova",
    "vector_bucket": "vectors",
    "ledger_table": "ledger",
    "model_revision": "test",
}
REAL = {"dry_run": False}


class Run:
    """One run of the DAG, task by task, over a deployment with three sources."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.sources = [stock(deployment, f"{name}.txt") for name in ("red", "green", "blue")]
        deployment.s3.delete_object(Bucket="media", Key="a.txt")  # the account's own
        self.mended: dict[str, Any] | None = None
        self.xcoms: dict[str, Any] = {}

    def compare(self, **params: Any) -> dict[str, Any]:
        """The task compare; its answer goes through JSON, as XCom does."""
        answer = reconciling.compare(params=params, ti=self, run_id="manual__1")
        return json.loads(json.dumps(answer))

    def mend(self, compared: dict[str, Any], **params: Any) -> dict[str, Any]:
        """The task mend."""
        self.mended = json.loads(json.dumps(reconciling.mend(compared=compared, params=params)))
        return self.mended

    def report(self, compared: dict[str, Any], **params: Any) -> dict[str, Any]:
        """The task report."""
        return json.loads(json.dumps(reconciling.report(compared=compared, params=params, ti=self)))

    dag_id = "reconcile_embeddings"

    def xcom_pull(self, task_ids: str) -> Any:
        """What the task mend has returned; None when it was skipped."""
        return {"mend": self.mended}[task_ids]

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep what a failing task pushes."""
        self.xcoms[key] = json.loads(json.dumps(value))

    def read(self, uri: str) -> str:
        """An object of the output bucket."""
        key = uri.removeprefix("s3://output/")
        return self.deployment.s3.get_object(Bucket="output", Key=key)["Body"].read().decode()

    def delete(self, *names: str) -> None:
        """Delete objects from the bucket of media."""
        for name in names:
            self.deployment.s3.delete_object(Bucket="media", Key=name)


class Spaces:
    """A deployment with three sources, each stored in the active space and in the next one."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.active = run.deployment.settings.space
        self.registry = SpaceRegistry(run.deployment.dynamodb, "ledger", self.active)
        self.registry.build(NEXT, {})
        self.next = open_side(run.deployment, NEXT)
        self.next.store.ensure()
        store(self.next, run.sources, np.ones((3, 3072)), segments={"TEXT": 3})

    def add(self, *sources: Source) -> None:
        """Put a vector of each into the next space's indexes, without a row."""
        put(self.next, sources, np.ones((len(sources), 3072)))

    def take(self, dimension: int, *keys: str) -> None:
        """Delete vectors of the next space from one index."""
        self.run.deployment.s3vectors.delete_vectors(
            vectorBucketName="vectors", indexName=NEXT.index_name(dimension), keys=list(keys)
        )

    def begin_deletion(self) -> None:
        """Give the next space up, and claim it for deletion."""
        self.registry.retire(NEXT.name, keep_days=0)
        assert self.registry.begin_deletion(NEXT.name)

    def drop_index(self, dimension: int) -> None:
        """Delete one of the next space's indexes."""
        self.run.deployment.s3vectors.delete_index(
            vectorBucketName="vectors", indexName=NEXT.index_name(dimension)
        )

    def keys(self, dimension: int) -> set[str]:
        """The keys in one of the next space's indexes."""
        answer = self.run.deployment.s3vectors.list_vectors(
            vectorBucketName="vectors", indexName=NEXT.index_name(dimension)
        )
        return {vector["key"] for vector in answer["vectors"]}

    def statuses(self) -> dict[str, str]:
        """URI -> status of the next space's rows."""
        return {row.uri: row.status.value for row in self.next.ledger.scan()}

    def everything(self) -> Any:
        """All that a reconciliation may change."""
        old = open_side(self.run.deployment, self.active)
        rows = [sorted(side.ledger.scan(), key=lambda row: row.uri) for side in (old, self.next)]
        return rows, self.run.deployment.all_keys(), [self.keys(dimension) for dimension in DIMENSIONS]


def open_run(account: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run over a deployment that is in step, and that Airflow's Variable tells of."""
    monkeypatch.setenv("AIRFLOW_VAR_NOVA_MME", json.dumps(SETTINGS))
    deployment = Deployment(SimpleNamespace(url=account.url))  # type: ignore[arg-type]
    deployment.store.ensure()
    deployment.ledger.ensure()
    return Run(deployment)
