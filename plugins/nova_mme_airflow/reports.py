"""What the task `report` does: add up the shards' outcomes, judge the run, and tell the DAGs that wait for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from nova_mme_airflow.tasks import open_clients

log = logging.getLogger(__name__)


def changes_alias(modality: str) -> str:
    """The asset alias through which ``embed_<modality>`` emits events of the asset ``embeddings_<modality>``."""
    return f"embeddings_{modality}_changes"


def report(
    *, modality: str, params: dict[str, Any], ti: Any, dag_run: Any, run_id: str, outlet_events: Any
) -> dict[str, Any]:
    """Add up the shards' outcomes, keep the report, and fail when too much failed."""
    from datetime import UTC, datetime

    from nova_mme.outcome import read_outcomes
    from nova_mme.report import Report, read_plan
    from nova_mme.shard import run_folder

    handles = ti.xcom_pull(task_ids="plan")
    if handles is None:
        raise AirflowFailException("Nothing was planned: the task plan failed, and its log says why.")
    clients = open_clients(params)
    folder = run_folder(clients.settings.output_uri, ti.dag_id, run_id)
    planned = read_plan(clients.s3, folder)
    made = Report(
        modality, planned["counts"], planned["unknown"], max_jobs=clients.settings.max_jobs_in_flight
    )
    for handle in handles:
        outcomes = read_outcomes(clients.s3, handle["manifest"])
        if "space" in handle:
            made.add_beside(handle["space"], outcomes, handle["sources"])
        elif outcomes is None:
            made.lost += handle["sources"]
        else:
            made.add(outcomes)
    made.seconds = (datetime.now(UTC) - dag_run.start_date).total_seconds()
    summary = made.summarize(made.write(clients.s3, folder))
    log.info("\n%s", made.render())
    ti.xcom_push(key="return_value", value=summary)  # a failing task keeps its summary too
    judge(summary, made.failed_fraction, float(params.get("max_failed_fraction", 0.5)))
    if summary["stored"]:
        emit_change(modality, summary, outlet_events)
    return summary


def emit_change(modality: str, summary: Mapping[str, Any], outlet_events: Any) -> None:
    """Tell the DAGs that are scheduled on ``Asset("embeddings_<modality>")``.

    The asset has a name and no URI of a scheme: for one of those Airflow would load every provider's URI
    handlers, and boto3 with them, wherever a DAG names it.
    """
    from airflow.sdk import Asset, AssetAlias

    told = ("sources", "stored", "failed", "segments", "report_uri")
    event = outlet_events[AssetAlias(changes_alias(modality))]
    event.add(Asset(f"embeddings_{modality}"), extra={name: summary[name] for name in told})


def judge(summary: Mapping[str, Any], failed_fraction: float, allowed: float) -> None:
    """Fail the run when sources are unaccounted for, or more failed than is allowed."""
    if summary["lost"]:
        raise AirflowFailException(
            f"{summary['lost']} sources are unaccounted for: a store task did not end. Clear it, or run again: "
            "jobs that were started are found, not paid for twice."
        )
    if failed_fraction > allowed:
        raise AirflowFailException(
            f"{summary['failed']} of {summary['sources']} sources failed, more than max_failed_fraction "
            f"{allowed:g} allows. The report names each: {summary['report_uri']}"
        )
