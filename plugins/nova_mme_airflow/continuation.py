"""Starts the next run of a backfill that is not over yet."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.exceptions import AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import Context


class NovaMMEContinuationOperator(TriggerDagRunOperator):
    """Triggers a DAG with the parameters that another task has answered under ``next``; skipped when it has none.

    :param report_task_id: that task.
    """

    template_fields = (*TriggerDagRunOperator.template_fields, "report_task_id")

    def __init__(self, *, report_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.report_task_id = report_task_id

    def execute(self, context: Context) -> Any:
        """Trigger the DAG, or be skipped."""
        told = context["ti"].xcom_pull(task_ids=self.report_task_id) or {}
        if not told.get("next"):
            raise AirflowSkipException(told.get("why_over") or "There is nothing to go on with.")
        self.conf = told["next"]
        # By this run's own id: a second try, or a cleared task, starts no second one.
        own = f"{context['dag_run'].dag_id}/{context['dag_run'].run_id}"
        self.trigger_run_id = f"manual__goes_on_{hashlib.sha256(own.encode()).hexdigest()[:16]}"
        self.skip_when_already_exists = True
        return super().execute(context)
