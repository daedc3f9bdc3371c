"""What the tasks of `backfill_embeddings` do to sources: estimate and plan."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from nova_mme_airflow.links import ReportLink
from nova_mme_airflow.switching import open_campaign, read_backfill
from nova_mme_airflow.tasks import is_running, no_retry, open_clients, read_spaces

if TYPE_CHECKING:
    from nova_mme.migration.backfill import Backfill
    from nova_mme.migration.campaign import Progress
    from nova_mme.migration.survey import Survey
    from nova_mme.modality import Modality
    from nova_mme.recipe import Recipe
    from nova_mme.space import Space
    from nova_mme_airflow.clients import Clients

log = logging.getLogger(__name__)

# Works that an estimate may keep, to see which of them a limit takes.
_KEPT = 50_000

# So much more than was estimated may be due in the end: uploads come meanwhile.
_MARGIN = 1.25

# action -> the first tasks of its way
_WAYS = {
    "backfill": ["estimate", "judge"],
    "cutover": ["judge"],
    "rollback": ["roll_back"],
    "rebuild": ["rebuild"],
    "abandon": ["abandon"],
}


def choose(*, params: dict[str, Any], ti: Any) -> list[str]:
    """Check the parameters; returns the tasks to go on with.

    What is active and what is being built is noted as it is now: a task that moves the pointer, or gives a space up,
    must not do it once more, to another space, when it is tried again.
    """
    backfill = read_backfill(params)
    spaces = read_spaces(open_clients())
    building = spaces.building.space.name if spaces.building else ""
    ti.xcom_push(key="spaces", value={"active": spaces.active.space.name, "building": building})
    return _WAYS[backfill.action]


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
    clients = open_clients()
    target, recipes = find_target(clients, backfill)
    _leave_to_others(clients, target, ti, dag_run)
    if backfill.campaign:
        return _go_on_with(clients, backfill, target)
    room = backfill.limit if backfill.limit and backfill.limit <= _KEPT else 0
    found = look(clients, backfill, target, recipes, _goes_on(ti, run_id), room=room)
    if room:  # what is over the limit costs nothing
        found.estimate = found.taken
    page = _keep_estimate(clients, found, target, ti.dag_id, run_id)
    ReportLink.persist(ti, page)
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


def _leave_to_others(clients: Clients, target: Space, ti: Any, dag_run: Any) -> None:
    """A daily run has nothing to do while another is at work or waits for approval, nor where a person has stopped."""
    if dag_run.run_type != "scheduled":
        return
    if ti.get_dr_count(dag_id=ti.dag_id, states=["running"]) > 1:
        raise AirflowSkipException(
            "Another run of this DAG goes on; the next day's catches up with the rest."
        )
    member = read_spaces(clients).members.get(target.name)
    if member and member.held:
        raise AirflowSkipException(
            f"The backfill of {target.name} was stopped, by max_cost_usd or its limit: start the DAG by hand to go on."
        )


def _go_on_with(clients: Clients, backfill: Backfill, target: Space) -> dict[str, Any]:
    """What an estimate would say, for a run whose campaign was estimated and approved before."""
    progress = open_campaign(clients, backfill.campaign).progress()
    if progress.space != target.name:
        raise AirflowFailException(
            f"There is no backfill {backfill.campaign!r} of the space {target.name} to go on with. Leave campaign empty."
        )
    member = read_spaces(clients).members.get(target.name)
    if member is None or not member.is_written:
        raise AirflowFailException(
            f"The space {target.name} was given up meanwhile. To build it after all, start the DAG by hand."
        )
    why = f"it goes on with {backfill.campaign}"
    texts = {"subject": "", "body": ""}
    return {"target": target.name, "dry_run": False, "ask": False, "why_not_asked": why, **texts}


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
    clients = open_clients()
    target, recipes = find_target(clients, backfill)
    _require_same(target, ti)
    with no_retry():
        clients.store_of(target).ensure()
        clients.registry.build(target, backfill.find_changes(read_spaces(clients)))
    own_run = f"{ti.dag_id}/{run_id}"
    started = int(time.time())
    campaign = open_campaign(clients, backfill.campaign or own_run)
    before = campaign.progress()
    budget = None if backfill.max_cost_usd is None else max(0.0, backfill.max_cost_usd - before.spent_usd)
    found = look(
        clients, backfill, target, recipes, _goes_on(ti, run_id), room=backfill.room, budget_usd=budget
    )
    _require_approved(backfill, before, found, ti)
    campaign.open(
        min(found.estimate.sources, backfill.limit or found.estimate.sources),
        limit_usd=backfill.max_cost_usd,
        space=target.name,
        expected_usd=(ti.xcom_pull(task_ids="estimate") or {}).get("usd", found.estimate.usd),
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
            "started": started,
        },
    )
    log.info(
        "Taken up: %d of %d sources that are due. %s",
        found.taken.sources,
        found.estimate.sources,
        campaign.progress().tell(),
    )
    return handles


def _require_same(target: Space, ti: Any) -> None:
    estimated = (ti.xcom_pull(task_ids="estimate") or {}).get("target")
    if estimated != target.name:
        raise AirflowFailException(
            f"The estimate was for the space {estimated}, and by now the target is {target.name}: somebody has begun or "
            "given up a space meanwhile. Name target_model_id, and start the DAG again."
        )


def _require_approved(backfill: Backfill, before: Progress, found: Survey, ti: Any) -> None:
    """What is due by now may not cost much more than what was estimated, and agreed to."""
    expected = before.expected_usd or (ti.xcom_pull(task_ids="estimate") or {}).get("usd", 0.0)
    allowed = max(_MARGIN * expected, backfill.approval_threshold_usd)
    total = before.spent_usd + (found.taken.usd if backfill.limit else found.estimate.usd)
    if total > allowed and not (backfill.approved and not backfill.campaign):
        raise AirflowFailException(
            f"${expected:,.2f} was estimated, and by now it would be ${total:,.2f}. Nothing more was started. Start the "
            "DAG again: it estimates and asks anew."
        )
