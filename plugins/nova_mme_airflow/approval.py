"""A person's approval of what a backfill would cost, asked only when it would cost much."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk.exceptions import AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import Context

# A run that nobody answers must not keep the next ones waiting for ever.
_DAYS = 7


class NovaMMECostApprovalOperator(ApprovalOperator):
    """Waits for a person, in Airflow's Required Actions, when an estimate is above the threshold.

    It holds no worker meanwhile. Rejected, or not answered for a week, it is skipped, and so is what depends on it.

    :param estimate_task_id: the task that has estimated; it answers ``ask``, ``dry_run`` and ``why_not_asked``.
    """

    template_fields = (*ApprovalOperator.template_fields, "estimate_task_id")

    def __init__(self, *, estimate_task_id: str, **kwargs: Any) -> None:
        super().__init__(defaults=self.REJECT, response_timeout=timedelta(days=_DAYS), **kwargs)
        self.estimate_task_id = estimate_task_id

    def execute(self, context: Context) -> Any:
        """Ask, unless there is nothing to ask."""
        estimate = context["ti"].xcom_pull(task_ids=self.estimate_task_id)
        if estimate["dry_run"]:
            raise AirflowSkipException("A dry run ends with the estimate; nothing was started.")
        if not estimate["ask"]:
            self.log.info("Nobody has to be asked: %s", estimate["why_not_asked"])
            return None
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on when approved; else be skipped."""
        # Not ApprovalOperator's: it skips the next task only, and that one's followers would go on.
        answer = HITLOperator.execute_complete(self, context, event)
        who = (answer.get("responded_by_user") or {}).get("name") or "nobody, in time"
        if answer["chosen_options"] != [self.APPROVE]:
            raise AirflowSkipException(f"Rejected by {who}; nothing was started.")
        self.log.info("Approved by %s.", who)
        return {"approved_by": who}
