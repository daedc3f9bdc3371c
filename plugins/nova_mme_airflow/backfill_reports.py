"""What the task `report` of `backfill_embeddings` does: add everything up, judge the run, say what the next one does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from nova_mme_airflow.links import ReportLink
from nova_mme_airflow.reports import judge
from nova_mme_airflow.switching import open_campaign, read_backfill
from nova_mme_airflow.tasks import open_clients

if TYPE_CHECKING:
    from nova_mme.migration.backfill import Backfill
    from nova_mme.migration.backfill_report import BackfillReport
    from nova_mme.report import Report
    from nova_mme_airflow.clients import Clients

log = logging.getLogger(__name__)


def report(*, params: dict[str, Any], ti: Any, dag_run: Any, run_id: str) -> dict[str, Any]:
    """Add everything up on one page, judge the run, and say what the next run is to do."""
    from datetime import UTC, datetime

    from nova_mme.migration.backfill_report import BackfillReport
    from nova_mme.shard import run_folder

    backfill = read_backfill(params)
    clients = open_clients(params)
    folder = run_folder(clients.settings.output_uri, ti.dag_id, run_id)
    planned = ti.xcom_pull(task_ids="plan", key="planned")
    states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[run_id]).get(run_id, {})
    made = BackfillReport(
        backfill.action,
        estimate=ti.xcom_pull(task_ids="estimate"),
        planned=planned,
        verdict=ti.xcom_pull(task_ids="judge"),
        spaces=_describe(clients),
        failed_tasks=sorted(
            name for name, state in states.items() if state == "failed" and "shard." not in name
        ),
        cut_over_to=ti.xcom_pull(task_ids="cut_over"),
        did={name: ti.xcom_pull(task_ids=name) for name in ("roll_back", "rebuild", "abandon")},
    )
    if planned:
        made.progress = open_campaign(clients, planned["campaign"]).progress()
        made.outcomes = _add_up(clients, ti, folder)
        made.outcomes.seconds = (datetime.now(UTC) - dag_run.start_date).total_seconds()
    page = made.write(clients.s3, folder)
    ReportLink.persist(ti, page)
    summary = made.summarize(page) | _go_on(params, dag_run, made)
    _hold(clients, backfill, made)
    log.info("\n%s", made.render())
    ti.xcom_push(key="return_value", value=summary)
    _judge_run(made, summary, backfill)
    return summary


def _describe(clients: Clients) -> list[Any]:
    from nova_mme.model_life import find_end_of_life
    from nova_mme.status import describe_spaces

    return describe_spaces(
        clients.registry.read(),
        clients.dynamodb,
        clients.settings.ledger_table,
        find_end_of_life=lambda model_id: find_end_of_life(clients.bedrock_models, model_id),
    )


def _add_up(clients: Clients, ti: Any, folder: Any) -> Report:
    from nova_mme.outcome import read_outcomes
    from nova_mme.report import Report, read_plan

    planned = read_plan(clients.s3, folder)
    made = Report(
        "backfill", planned["counts"], planned["unknown"], max_jobs=clients.settings.max_jobs_in_flight
    )
    for handle in ti.xcom_pull(task_ids="plan") or []:
        outcomes = read_outcomes(clients.s3, handle["manifest"])
        if outcomes is None:
            made.lost += handle["sources"]
        else:
            made.add(outcomes)
    return made


def _go_on(params: Mapping[str, Any], dag_run: Any, made: BackfillReport) -> dict[str, Any]:
    """The parameters of the next run, or why there is none."""
    if made.action == "rollback" and made.did.get("roll_back"):
        return {"next": _catch_up(params), "why_over": ""}
    if why := _find_end(params, made):
        return {"next": None, "why_over": why}
    return {"next": _continue(params, dag_run, made), "why_over": ""}


def _find_end(params: Mapping[str, Any], made: BackfillReport) -> str:
    planned, outcomes, verdict = made.planned, made.outcomes, made.verdict or {}
    if not planned or outcomes is None or made.progress is None:
        return "Nothing was taken up."
    if made.progress.stopped or planned["over_budget"]:
        return (
            "max_cost_usd is spent, or too little of it is left. Start the DAG again to go on: a new run may spend "
            "its own."
        )
    if verdict.get("in_motion_only") and not verdict["passed"]:
        return ""  # it catches up, and judges
    if planned["left"] <= 0:
        return "Nothing is left."
    if params.get("retry_failed"):
        return "What failed was tried once more; another run would take the same again."
    if not outcomes.statuses["stored"] + outcomes.statuses["partial"]:
        return "Sources are left, but nothing was stored by this run: see its failures."
    return ""


def _catch_up(params: Mapping[str, Any]) -> dict[str, Any]:
    """A backfill of what came since the cutover, which the space that was kept has not got.

    Into whatever is active by then: named, a space that was left once more would be built anew.
    """
    kept = ("approval_threshold_usd", "max_cost_usd", "approved", "sources_per_run")
    return {**{name: params[name] for name in kept if name in params}, "action": "backfill"}


def _continue(params: Mapping[str, Any], dag_run: Any, made: BackfillReport) -> dict[str, Any]:
    """The same parameters, less what was taken; nobody is asked again, and the money is counted on.

    The target is written out: what an empty one means may be another by then.
    """
    planned = made.planned or {}
    space = next(status.member.space for status in made.spaces if status.name == planned["space"])
    asked = {"target_model_id": space.model_id, "target_revision": space.revision or None}
    if dag_run.run_type == "backfill":
        asked["modified_from"] = dag_run.data_interval_start.isoformat()
        asked["modified_to"] = dag_run.data_interval_end.isoformat()
    if params.get("limit") is not None:
        asked["limit"] = params["limit"] - planned["taken"]
    return {**params, **asked, "campaign": planned["campaign"]}


def _hold(clients: Clients, backfill: Backfill, made: BackfillReport) -> None:
    """Where a person has set an end that was reached, the daily runs are not to go on."""
    planned, progress = made.planned, made.progress
    if not planned or not progress:
        return
    is_broke = progress.stopped or planned["over_budget"]
    is_enough = backfill.limit is not None and planned["taken"] >= backfill.limit
    if is_broke or is_enough:
        clients.registry.hold(planned["space"], held=True)


def _judge_run(made: BackfillReport, summary: Mapping[str, Any], backfill: Backfill) -> None:
    if made.failed_tasks:
        raise AirflowFailException(
            f"The task {made.failed_tasks[0]} failed; its log says why. The page: {summary['page_uri']}"
        )
    if made.outcomes is not None:
        told = made.outcomes.summarize(summary["page_uri"])
        judge(told, made.outcomes.failed_fraction, backfill.run.max_failed_fraction)
