"""What the tasks of `backfill_embeddings` do to sources: estimate, plan, report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from nova_mme_airflow.reports import judge as judge_failures
from nova_mme_airflow.switching import read_backfill
from nova_mme_airflow.tasks import is_running, no_retry, open_clients, read_spaces

if TYPE_CHECKING:
    from nova_mme.migration.backfill import Backfill
    from nova_mme.migration.backfill_report import BackfillReport
    from nova_mme.migration.campaign import Campaign
    from nova_mme.migration.survey import Survey
    from nova_mme.modality import Modality
    from nova_mme.recipe import Recipe
    from nova_mme.report import Report
    from nova_mme.space import Space
    from nova_mme_airflow.clients import Clients

log = logging.getLogger(__name__)

# action -> the first tasks of its way
_WAYS = {
    "backfill": ["estimate", "judge"],
    "cutover": ["judge"],
    "rollback": ["roll_back"],
    "rebuild": ["rebuild"],
    "abandon": ["abandon"],
}


def choose(*, params: dict[str, Any]) -> list[str]:
    """Check the parameters; returns the tasks to go on with."""
    return _WAYS[read_backfill(params).action]


def read_dated(params: Mapping[str, Any], dag_run: Any) -> Backfill:
    """What the run was asked to do; a run of an Airflow backfill takes what was modified in its data interval."""
    asked = dict(params)
    if dag_run.run_type == "backfill":
        start, end = dag_run.data_interval_start, dag_run.data_interval_end
        asked |= {"modified_from": start.isoformat(), "modified_to": end.isoformat()}
    return read_backfill(asked)


def estimate(*, params: dict[str, Any], ti: Any, dag_run: Any, run_id: str) -> dict[str, Any]:
    """Say what a backfill would take and cost, without starting or creating anything."""
    backfill = read_dated(params, dag_run)
    clients = open_clients(params)
    target, recipes = find_target(clients, backfill)
    found = look(clients, backfill, target, recipes, _goes_on(ti, run_id), room=0)
    page = _keep_estimate(clients, found, target, ti.dag_id, run_id)
    told = found.estimate.summarize(clients.settings.max_jobs_in_flight)
    money = f"${found.estimate.usd:,.2f}"
    sources = found.estimate.sources
    ask = sources > 0 and found.estimate.usd > backfill.approval_threshold_usd and not backfill.approved
    return {
        **told,
        "target": target.name,
        "dry_run": backfill.dry_run,
        "ask": ask,
        "why_not_asked": "it was approved before"
        if backfill.approved
        else f"{money} is not above the threshold",
        "subject": f"Embed {sources:,} sources into {target.name} for about {money}?",
        "body": found.estimate.render(clients.settings.max_jobs_in_flight),
        "page_uri": page,
    }


def _keep_estimate(clients: Clients, found: Survey, target: Space, dag_id: str, run_id: str) -> str:
    from nova_mme.shard import run_folder

    counts = ", ".join(f"{count:,} {why.replace('_', ' ')}" for why, count in sorted(found.counts.items()))
    estimated = found.estimate.render(clients.settings.max_jobs_in_flight)
    text = f"# What a backfill into {target.name} takes\n\n{counts or 'Nothing found.'}\n\n{estimated}\n"
    log.info("\n%s", text)
    page = run_folder(clients.settings.output_uri, dag_id, run_id).join("estimate.md")
    clients.s3.put_object(
        Bucket=page.bucket, Key=page.key, Body=text.encode(), ContentType="text/markdown; charset=utf-8"
    )
    return str(page)


def find_target(clients: Clients, backfill: Backfill) -> tuple[Space, dict[Modality, Recipe]]:
    """The space that is written to, and its recipes.

    :raises AirflowFailException: when another space is being built.
    """
    spaces = read_spaces(clients)
    with no_retry():
        target, recipes = backfill.find_target(spaces), backfill.find_recipes(spaces)
        clients.registry.plan_building(spaces, target, recipes)
    return target, recipes


def look(
    clients: Clients,
    backfill: Backfill,
    target: Space,
    recipes: Mapping[Modality, Recipe],
    goes_on: Callable[[str], bool],
    *,
    room: int,
    budget_usd: float | None = None,
) -> Survey:
    """One pass over the bucket: what is due in the target, and what it costs."""
    from nova_mme.migration.price import Prices
    from nova_mme.migration.survey import survey
    from nova_mme.source import list_sources

    settings = clients.settings
    listing = list_sources(
        clients.s3,
        settings.source_uri,
        backfill.run.prefix,
        leave_out=settings.output_uri,
        owner=settings.bucket_owner or None,
    )
    with no_retry():
        return survey(
            listing,
            target=clients.ledger_of(target),
            current=clients.ledger_of(clients.space),
            runs=backfill.find_runs(recipes),
            prices=Prices.read(settings.prices),
            room=room,
            budget_usd=budget_usd,
            is_running=goes_on,
        )


def _goes_on(ti: Any, run_id: str) -> Callable[[str], bool]:
    own_run = f"{ti.dag_id}/{run_id}"
    return lambda name: name != own_run and is_running(name, ti)


def plan(*, params: dict[str, Any], ti: Any, dag_run: Any, run_id: str) -> list[dict[str, Any]]:
    """Register the space, make its indexes, and write the shards' manifests; returns their handles."""
    from nova_mme.report import write_plan
    from nova_mme.shard import Shard, run_folder, write_shards

    backfill = read_dated(params, dag_run)
    clients = open_clients(params)
    target, recipes = find_target(clients, backfill)
    with no_retry():
        clients.registry.build(target, recipes)
        clients.store_of(target).ensure()
    own_run = f"{ti.dag_id}/{run_id}"
    campaign = _open_campaign(clients, backfill.campaign or own_run)
    spent = campaign.progress().spent_usd
    budget = None if backfill.max_cost_usd is None else max(0.0, backfill.max_cost_usd - spent)
    found = look(
        clients, backfill, target, recipes, _goes_on(ti, run_id), room=backfill.room, budget_usd=budget
    )
    campaign.open(
        min(found.estimate.sources, backfill.limit or found.estimate.sources), limit_usd=backfill.max_cost_usd
    )
    folder = run_folder(clients.settings.output_uri, ti.dag_id, run_id)
    write_plan(clients.s3, folder, found.counts, found.unknown)
    handles: list[dict[str, Any]] = []
    for modality, works in found.works.items():
        run = backfill.find_runs(recipes)[modality]
        like = Shard(len(handles), clients.settings, target, run, (), own_run, campaign.name)
        handles += write_shards(clients.s3, folder, works, like=like)
    left = min(found.left, (backfill.limit or found.estimate.sources) - found.taken.sources)
    ti.xcom_push(
        key="planned",
        value={
            "space": target.name,
            "campaign": campaign.name,
            "due": found.estimate.sources,
            "taken": found.taken.sources,
            "left": left,
            "over_budget": found.over_budget,
            "usd": found.estimate.usd,
        },
    )
    log.info(
        "Taken up: %d of %d sources that are due. %s",
        found.taken.sources,
        found.estimate.sources,
        campaign.progress().tell(),
    )
    return handles


def _open_campaign(clients: Clients, name: str) -> Campaign:
    from nova_mme.migration.campaign import Campaign

    return Campaign(clients.dynamodb, clients.settings.ledger_table, name)


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
        did={name: ti.xcom_pull(task_ids=name) for name in ("roll_back", "rebuild", "abandon", "retire")},
    )
    if planned:
        made.progress = _open_campaign(clients, planned["campaign"]).progress()
        made.outcomes = _add_up(clients, ti, folder)
        made.outcomes.seconds = (datetime.now(UTC) - dag_run.start_date).total_seconds()
    summary = made.summarize(made.write(clients.s3, folder))
    summary |= _go_on(params, dag_run, made)
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
    planned, outcomes = made.planned, made.outcomes
    if not planned or outcomes is None or made.progress is None:
        return {"next": None, "why_over": "Nothing was taken up."}
    if made.progress.stopped or planned["over_budget"]:
        return {"next": None, "why_over": "max_cost_usd is spent. Run it again with a larger sum to go on."}
    if planned["left"] <= 0:
        return {"next": None, "why_over": "Nothing is left."}
    if not outcomes.statuses["stored"] + outcomes.statuses["partial"]:
        return {
            "next": None,
            "why_over": "Sources are left, but nothing was stored by this run: see its failures.",
        }
    return {"next": _continue(params, dag_run, planned), "why_over": ""}


def _continue(params: Mapping[str, Any], dag_run: Any, planned: Mapping[str, Any]) -> dict[str, Any]:
    """The same parameters, less what was taken; nobody is asked again, and the money is counted on."""
    dates = {}
    if dag_run.run_type == "backfill":
        interval = (dag_run.data_interval_start, dag_run.data_interval_end)
        dates = dict(
            zip(("modified_from", "modified_to"), (one.isoformat() for one in interval), strict=True)
        )
    limit = params.get("limit")
    rest = {"limit": None if limit is None else limit - planned["taken"]}
    return {**params, **dates, **rest, "approved": True, "campaign": planned["campaign"]}


def _judge_run(made: BackfillReport, summary: Mapping[str, Any], backfill: Backfill) -> None:
    if made.failed_tasks:
        raise AirflowFailException(
            f"The task {made.failed_tasks[0]} failed; its log says why. The page: {summary['page_uri']}"
        )
    if made.outcomes is not None:
        told = made.outcomes.summarize(summary["page_uri"])
        judge_failures(told, made.outcomes.failed_fraction, backfill.run.max_failed_fraction)
