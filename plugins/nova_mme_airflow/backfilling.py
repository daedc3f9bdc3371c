"""`backfill_embeddings`: its graph."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator
from airflow.sdk import DAG, CronTriggerTimetable, TriggerRule
from airflow.sdk.configuration import conf

from nova_mme_airflow import backfill_reports, switching
from nova_mme_airflow import backfill_tasks as tasks
from nova_mme_airflow.approval import NovaMMECostApprovalOperator
from nova_mme_airflow.backfill_form import backfill_params
from nova_mme_airflow.continuation import NovaMMEContinuationOperator
from nova_mme_airflow.dagkit import DEFAULT_ARGS, shard_group
from nova_mme_airflow.operators import ReportingOperator

DAG_ID = "backfill_embeddings"

# Daily, after the sweeps of the embedding DAGs: it catches up with what they have left, and deletes spaces whose
# days are over. Its data interval, the day before, is what Airflow's own backfills go by.
_SCHEDULE = "47 4 * * *"


def backfill_dag(doc: str | None) -> DAG:
    """Estimate, ask, plan, embed by shards, judge, cut over, report, go on; and the other actions beside it."""
    with DAG(
        dag_id=DAG_ID,
        doc_md=doc,
        schedule=_schedule(),
        catchup=False,
        # More than one: a rollback must not wait for a backfill to end. Backfills of one space share its ledger, and
        # what one of them has in flight the other leaves alone.
        max_active_runs=16,
        tags=["embeddings", "backfill"],
        params=backfill_params(),
        default_args=DEFAULT_ARGS,
    ) as dag:
        choose = BranchPythonOperator(
            task_id="choose",
            python_callable=tasks.choose,
            doc_md="Check the parameters, and take the way of the `action`.",
        )
        plan = _make_plan(choose)
        judge, cut_over = _make_cutover()
        others = _make_other_actions()
        retire = PythonOperator(
            task_id="retire",
            python_callable=switching.retire,
            trigger_rule=TriggerRule.ALL_DONE,
            max_active_tis_per_dag=1,  # one deletion at a time: two could meet in one space, built anew between them
            doc_md="Delete the spaces whose days are over: indexes, then ledger rows. Never the active one.",
        )
        report = ReportingOperator(
            task_id="report",
            python_callable=backfill_reports.report,
            trigger_rule=TriggerRule.ALL_DONE,
            doc_md="What became of it: done, left, failed, spent; the gate's verdict; every space as it stands. Fails "
            "when a step failed, or more sources than `max_failed_fraction`.",
        )
        go_on = NovaMMEContinuationOperator(
            task_id="go_on",
            trigger_dag_id=DAG_ID,
            report_task_id="report",
            doc_md="Start the next run when sources are left and may be paid for.",
        )
        shards = shard_group().expand(handle=plan.output)
        choose >> [judge, *others]
        shards >> judge >> cut_over
        [cut_over, *others] >> report >> go_on
        [cut_over, *others] >> retire
    return dag


def _schedule() -> CronTriggerTimetable | None:
    cron = str(conf.get("nova_mme", "backfill", fallback=_SCHEDULE) or "").strip()
    if not cron:
        return None
    timetable = CronTriggerTimetable(
        cron, timezone="UTC", interval=timedelta(days=1), run_immediately=timedelta(0)
    )
    timetable.validate()
    return timetable


def _make_plan(choose: Any) -> Any:
    estimate = ReportingOperator(
        task_id="estimate",
        python_callable=tasks.estimate,
        doc_md="Count what is due, and say what it would cost, by modality: nothing is started. A dry run ends here.",
    )
    approve = NovaMMECostApprovalOperator(
        task_id="approve",
        estimate_task_id="estimate",
        subject="{{ ti.xcom_pull(task_ids='estimate')['subject'] }}",
        body="{{ ti.xcom_pull(task_ids='estimate')['body'] }}",
        doc_md="Wait for a person when the estimate is above `approval_threshold_usd` and `approved` is off.",
    )
    plan = PythonOperator(
        task_id="plan",
        python_callable=tasks.plan,
        doc_md="Register the space and make its indexes, then plan once more and write the shards' manifests.",
    )
    choose >> estimate >> approve >> plan
    return plan


def _make_cutover() -> tuple[Any, Any]:
    judge = ReportingOperator(
        task_id="judge",
        python_callable=switching.judge,
        trigger_rule=TriggerRule.ALL_DONE,
        retries=4,
        doc_md="The gate: is every source there, in all four indexes, with unit vectors, and does the space find what "
        "the old one finds? When it fails, the old space stays active, and the page says why.",
    )
    cut_over = PythonOperator(
        task_id="cut_over",
        python_callable=switching.cut_over,
        doc_md="Move the pointer: one conditional write, and searches read the new space.",
    )
    return judge, cut_over


def _make_other_actions() -> list[Any]:
    return [
        PythonOperator(
            task_id="roll_back",
            python_callable=switching.roll_back,
            doc_md="Move the pointer back to the space that was active before.",
        ),
        PythonOperator(
            task_id="rebuild",
            python_callable=switching.rebuild,
            doc_md="Fill indexes from the stored 3072-d vectors, or from the jobs' kept outputs. No call of the model.",
        ),
        PythonOperator(
            task_id="abandon",
            python_callable=switching.abandon,
            doc_md="Give up the space that is being built; it is deleted after `keep_days`.",
        ),
    ]
