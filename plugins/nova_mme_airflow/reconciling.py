"""`reconcile_embeddings`: its graph, its form and what its tasks do."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, CronTriggerTimetable, Param
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from nova_mme_airflow.dagkit import DEFAULT_ARGS
from nova_mme_airflow.params import setup_params
from nova_mme_airflow.tasks import no_retry, open_clients

if TYPE_CHECKING:
    from nova_mme.reconcile.part import Part
    from nova_mme.reconcile.reconciliation import Reconciliation
    from nova_mme_airflow.clients import Clients

log = logging.getLogger(__name__)

_WHAT = "What"

# Sundays at three, when little else is going on. With run_immediately=False Airflow would start a run at once
# if the DAG is unpaused within a tenth of the week after that hour; with no time at all, it never does.
_SCHEDULE = CronTriggerTimetable("0 3 * * SUN", timezone="UTC", run_immediately=timedelta(0))


def reconcile_dag(doc: str | None) -> DAG:
    """``reconcile_embeddings``: compare, mend what was found unless it is a dry run, report."""
    with DAG(
        dag_id="reconcile_embeddings",
        doc_md=doc,
        schedule=_SCHEDULE,
        catchup=False,
        max_active_runs=1,
        tags=["embeddings", "reconcile"],
        params=reconcile_params(),
        default_args=DEFAULT_ARGS,
    ) as dag:
        compared = PythonOperator(
            task_id="compare",
            python_callable=compare,
            doc_md="List the bucket, and the **ledger** and the four indexes of every space that is not being deleted, "
            "and write what is at odds to S3: `findings.md` to read, and one file of JSON lines for each kind. Changes "
            "nothing.",
        )
        mended = PythonOperator(
            task_id="mend",
            python_callable=mend,
            op_kwargs={"compared": compared.output},
            doc_md="Look each finding up once more, then delete departed sources and orphans, and have holes and "
            "stale sources stored again by the next run. Skipped in a dry run; refuses to delete more than "
            "`max_deleted_fraction` of any space without `force`.",
        )
        PythonOperator(
            task_id="report",
            python_callable=report,
            op_kwargs={"compared": compared.output},
            trigger_rule="none_failed",  # a dry run skips mend, and is reported all the same
            doc_md="What was found and what was done about it, space by space, in `report.md` beside the findings. "
            "Fails if a space could not be compared.",
        ).set_upstream(mended)
    return dag


def reconcile_params() -> dict[str, Param]:
    """The form of ``reconcile_embeddings``."""
    return {
        "dry_run": Param(
            True,
            type="boolean",
            title="Dry run",
            description="Only say what would be deleted and stored again. Switch it off to have it done.",
            section=_WHAT,
        ),
        "max_deleted_fraction": Param(
            0.1,
            type="number",
            minimum=0,
            maximum=1,
            title="Share that may be deleted",
            description="Change nothing when, in any space, a larger share of the sources or of the vectors would be "
            "deleted, or a larger share of the stored sources stored again.",
            section=_WHAT,
        ),
        "force": Param(
            False,
            type="boolean",
            title="However much it is",
            description="Mend even more than that share. Read the findings of a dry run first.",
            section=_WHAT,
        ),
        "check_versions": Param(
            True,
            type="boolean",
            title="Check versions",
            description="Also read the metadata of the 256d index to find vectors of another version. It takes a call "
            "per megabyte of metadata, so very many texts may be a reason to switch it off.",
            section=_WHAT,
        ),
        **setup_params(),
    }


def compare(*, params: dict[str, Any], ti: Any, run_id: str) -> dict[str, Any]:
    """Compare bucket, ledger and indexes of every space; returns counts and where the findings are."""
    from nova_mme.reconcile.part import add_up
    from nova_mme.shard import run_folder

    clients = open_clients(params)
    folder = run_folder(clients.settings.output_uri, ti.dag_id, run_id)
    with no_retry():
        parts = open_reconciliation(clients).compare(
            folder,
            check_versions=bool(params.get("check_versions", True)),
            allowed=float(params.get("max_deleted_fraction", 0.1)),
        )
    return {
        "folder": str(folder),
        "findings_uri": parts[0].findings_uri,  # the active space's
        "counts": add_up(parts),
        "objections": [sentence for part in parts for sentence in part.objections],
        "spaces": [part.dump() for part in parts],
    }


def open_reconciliation(clients: Clients) -> Reconciliation:
    """What compares and mends the deployment's spaces."""
    from nova_mme.reconcile.reconciliation import Reconciliation

    return Reconciliation(clients.settings, clients.s3, clients.registry, clients.store_of, clients.ledger_of)


def read_parts(compared: Mapping[str, Any]) -> list[Part]:
    """What ``compare`` has found, space by space."""
    from nova_mme.reconcile.part import Part

    return [Part.read(item) for item in compared["spaces"]]


def mend(*, compared: Mapping[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """Delete and reopen what was found, if it was asked for and is no more than is allowed; returns counts.

    Too much in one space holds all of them up: a listing of the wrong place is wrong for each.
    """
    from collections import Counter

    parts = read_parts(compared)
    if params.get("dry_run", True):
        pages = ", ".join(part.findings_uri for part in parts)
        raise AirflowSkipException(f"A dry run: nothing was changed. What would be is in {pages}.")
    if compared["objections"] and not params.get("force", False):
        pages = ", ".join(part.findings_uri for part in parts if part.objections)
        raise AirflowFailException(
            f"Nothing was changed: {' '.join(compared['objections'])} Read {pages}. If a listing came back empty or "
            "of the wrong place, mend the settings; if it is right, run again with force, or with a larger "
            "max_deleted_fraction."
        )
    with no_retry():
        done = open_reconciliation(open_clients(params)).mend(parts)
    total: Counter[str] = Counter()
    for counts in done.values():
        total.update(counts)
    return {**total, "spaces": done}


def report(*, compared: Mapping[str, Any], params: dict[str, Any], ti: Any) -> dict[str, Any]:
    """Keep a page of what was found and done; returns the counts, and fails when a space could not be compared."""
    from nova_mme.reconcile.finding import Kind
    from nova_mme.reconcile.part import render_parts
    from nova_mme.source import S3Uri

    parts, done = read_parts(compared), ti.xcom_pull(task_ids="mend")
    page = S3Uri.parse(compared["folder"]).join("report.md")
    text = render_parts(parts, done and done["spaces"])
    log.info("\n%s", text)
    open_clients(params).s3.put_object(
        Bucket=page.bucket, Key=page.key, Body=text.encode(), ContentType="text/markdown; charset=utf-8"
    )
    told = {
        "dry_run": done is None,
        **dict.fromkeys(map(str, Kind), 0),
        **compared["counts"],
        "mended": done and {name: count for name, count in done.items() if name != "spaces"},
        "objections": compared["objections"],
        "findings_uri": compared["findings_uri"],
        "report_uri": str(page),
    }
    if problems := [
        f"The space {part.space} was left alone. {part.problem}" for part in parts if part.problem
    ]:
        ti.xcom_push(key="return_value", value=told)  # a failing task keeps its counts too
        raise AirflowFailException(f"{' '.join(problems)} {page} tells of the others.")
    return told
