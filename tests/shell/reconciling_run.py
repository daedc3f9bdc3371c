"""reconcile_embeddings, task by task, over a deployment of local AWS."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from core.deployment import Deployment
from core.stocked import stock

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


def open_run(account: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run over a deployment that is in step, and that Airflow's Variable tells of."""
    monkeypatch.setenv("AIRFLOW_VAR_NOVA_MME", json.dumps(SETTINGS))
    deployment = Deployment(SimpleNamespace(url=account.url))  # type: ignore[arg-type]
    deployment.store.ensure()
    deployment.ledger.ensure()
    return Run(deployment)
