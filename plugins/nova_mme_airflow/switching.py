"""What the tasks of `backfill_embeddings` do to spaces: judge one, move the pointer, rebuild, give up, delete."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from nova_mme_airflow.links import ReportLink
from nova_mme_airflow.tasks import no_retry, open_clients, read_spaces

if TYPE_CHECKING:
    from nova_mme.migration.backfill import Backfill
    from nova_mme.migration.campaign import Campaign
    from nova_mme.migration.gate import Gate
    from nova_mme.space import Space
    from nova_mme.space_member import Spaces
    from nova_mme_airflow.clients import Clients

log = logging.getLogger(__name__)


def read_backfill(params: dict[str, Any]) -> Backfill:
    """What the run was asked to do.

    :raises AirflowFailException: for a value out of its range.
    """
    from nova_mme.migration.backfill import Backfill

    with no_retry():
        return Backfill.read(params)


def open_campaign(clients: Clients, name: str) -> Campaign:
    """The campaign of this name."""
    from nova_mme.migration.campaign import Campaign

    return Campaign(clients.dynamodb, clients.settings.ledger_table, name)


def judge(*, params: dict[str, Any], ti: Any, dag_run: Any, run_id: str) -> dict[str, Any]:
    """Hold the new space against its bars, and keep the verdict; fails when it does not pass.

    Where sources are on their way it is tried again; if they still are, the next run catches up with them and judges.
    """
    from nova_mme.errors import Unfinished
    from nova_mme.migration import gate_page
    from nova_mme.shard import run_folder

    backfill = read_backfill(params)
    clients = open_clients()
    spaces = read_spaces(clients)
    target = _find_candidate(clients, backfill, spaces, ti, is_dated=dag_run.run_type == "backfill")
    with no_retry():
        verdict = _open_gate(clients, spaces.active.space, target, params, ti).run()
    folder = run_folder(clients.settings.output_uri, ti.dag_id, run_id)
    page = gate_page.write(verdict, clients.s3, folder)
    note = {"passed": verdict.passed, "at": int(time.time()), "report_uri": page}
    with no_retry():
        clients.registry.note_gate(target.name, note)
    ReportLink.persist(ti, page)
    told = {**verdict.summarize(), "space": target.name, "page_uri": page}
    log.info("The gate %s: %s", "passed" if verdict.passed else "did not pass", "; ".join(verdict.reasons))
    if verdict.passed or (backfill.action == "cutover" and backfill.force):
        return told
    ti.xcom_push(key="return_value", value=told)  # a failing task keeps its verdict too
    if verdict.in_motion_only:
        if ti.try_number > ti.max_tries and _may_catch_up(backfill, ti):
            return told
        raise Unfinished(f"Sources are still on their way into the space {target.name}. {page}")
    raise AirflowFailException(
        f"The space {target.name} did not pass its gate, and {spaces.active.space.name} stays the active one. "
        f"{' '.join(verdict.reasons)} The page: {page}"
    )


def _open_gate(clients: Clients, old: Space, new: Space, params: Mapping[str, Any], ti: Any) -> Gate:
    from nova_mme.migration.coverage import Side
    from nova_mme.migration.gate import Gate
    from nova_mme.migration.verdict import Bars

    names = ("min_recall", "min_dimension_recall", "min_coverage")
    planned = ti.xcom_pull(task_ids="plan", key="planned") or {}
    return Gate(
        clients.settings,
        old=Side(clients.store_of(old), clients.ledger_of(old)),
        new=Side(clients.store_of(new), clients.ledger_of(new)),
        s3=clients.s3,
        bedrock=clients.bedrock,
        bars=Bars(**{name: params[name] for name in names if params.get(name) is not None}),
        queries_uri=params.get("query_set") or "",
        since=planned.get("started"),
    )


def _may_catch_up(backfill: Backfill, ti: Any) -> bool:
    """Whether another run may find something to do: not after one that was started for this, and found nothing."""
    planned = ti.xcom_pull(task_ids="plan", key="planned")
    return backfill.action == "backfill" and bool(planned["taken"] or not backfill.campaign)


def _find_candidate(
    clients: Clients, backfill: Backfill, spaces: Spaces, ti: Any, *, is_dated: bool
) -> Space:
    """The space to judge; the task is skipped when there is none, or when it is too early."""
    target = backfill.find_target(spaces)
    if backfill.action == "cutover":
        if target.name == spaces.active.space.name:
            raise AirflowFailException(
                f"{target.name} is the active space already. Name another one with target_model_id and "
                "target_revision, or build one first (action backfill)."
            )
        with no_retry():
            return spaces.get(target.name).space
    planned = ti.xcom_pull(task_ids="plan", key="planned")
    if planned is None:
        raise AirflowSkipException("Nothing was planned, so there is nothing to judge.")
    if planned["space"] == spaces.active.space.name:
        raise AirflowSkipException("The active space was mended in place: there is no other to cut over to.")
    if backfill.cutover == "none":
        raise AirflowSkipException("cutover is none: the space is only built.")
    if planned["left"] or open_campaign(clients, planned["campaign"]).progress().stopped:
        raise AirflowSkipException("Sources are left; the run that takes the last of them judges the space.")
    if backfill.is_narrowed or is_dated:
        raise AirflowSkipException(
            "Only a part of the sources was asked for, so the space need not be whole. action=cutover judges it."
        )
    with no_retry():
        return spaces.get(planned["space"]).space


def cut_over(*, params: dict[str, Any], ti: Any) -> str:
    """Make the space that was judged the active one, if that was asked for; returns its name."""
    backfill = read_backfill(params)
    told = ti.xcom_pull(task_ids="judge")
    name = told["space"]
    if not told["passed"] and not (backfill.action == "cutover" and backfill.force):
        raise AirflowSkipException(
            f"Sources are still on their way into {name}; the next run judges it again."
        )
    if backfill.action != "cutover" and backfill.cutover != "when_gate_passes":
        raise AirflowSkipException(
            f"The gate has passed. cutover is {backfill.cutover}: to move searches to {name}, run this DAG with "
            "action=cutover."
        )
    clients = open_clients()
    with no_retry():
        spaces = clients.registry.cut_over(name, keep_days=backfill.keep_days, force=backfill.force)
    log.info("Searches read %s now; %s is kept for %d days.", name, spaces.previous_name, backfill.keep_days)
    return name


def roll_back(*, params: dict[str, Any], ti: Any) -> str:
    """Make the space that was active before the active one again; returns its name."""
    backfill = read_backfill(params)
    noted = ti.xcom_pull(task_ids="choose", key="spaces")
    with no_retry():
        spaces = open_clients().registry.roll_back(keep_days=backfill.keep_days, from_name=noted["active"])
    log.info(
        "Searches read %s again; the next run brings what came since the cutover.", spaces.active.space.name
    )
    return spaces.active.space.name


def abandon(*, params: dict[str, Any], ti: Any) -> str:
    """Give up the space that was being built when the run began; returns its name."""
    backfill = read_backfill(params)
    clients = open_clients()
    name = ti.xcom_pull(task_ids="choose", key="spaces")["building"]
    named = backfill.find_target(read_spaces(clients)).name if backfill.target_model_id else name
    if not name or named != name:
        raise AirflowFailException(
            f"{named or 'No space'} is {'not ' if named else ''}being built, so there is nothing to give up."
        )
    with no_retry():
        clients.registry.retire(name, keep_days=backfill.keep_days)
    log.info("%s is given up, and may be deleted in %d days.", name, backfill.keep_days)
    return name


def rebuild(*, params: dict[str, Any]) -> dict[str, int]:
    """Fill indexes of a space without calling the model; returns counts."""
    from nova_mme.migration.rebuild import Rebuild

    backfill = read_backfill(params)
    clients = open_clients()
    with no_retry():
        spaces = clients.registry.read()
        member = spaces.get(backfill.find_target(spaces).name)
        if member.state == "deleting":
            raise AirflowFailException(f"The space {member.space.name} is being deleted.")
        target = member.space
        work = Rebuild(clients.settings, clients.s3, clients.store_of(target), clients.ledger_of(target))
        fill = work.from_vectors if backfill.origin == "vectors" else work.from_outputs
        counts = fill(backfill.dimensions)
    log.info("Rebuilt %s of %s: %s", backfill.dimensions, target.name, dict(counts))
    return {str(name): count for name, count in counts.items()}


def retire(*, params: dict[str, Any]) -> list[str]:
    """Delete the spaces whose days are over; returns their names. Not in a dry run."""
    from nova_mme.migration.retirement import retire_due

    if read_backfill(params).dry_run:
        raise AirflowSkipException("A dry run deletes nothing.")
    clients = open_clients()
    with no_retry():
        return retire_due(clients.registry, store_of=clients.store_of, ledger_of=clients.ledger_of)
