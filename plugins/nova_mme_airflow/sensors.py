"""Wait for async invocations of Nova Multimodal Embeddings to end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout

from nova_mme_airflow.connection import AWS_TEMPLATE_FIELDS, AwsConnectionArguments

if TYPE_CHECKING:
    from airflow.sdk import Context


class NovaMMEAsyncSensor(AwsConnectionArguments, BaseSensorOperator):
    """Waits until Bedrock async invocations are Completed or Failed.

    Returns, for one invocation, ``{"status", "invocation_arn", "output_s3_uri", "message"}``; for several,
    ``{"completed", "failed", "failures"}``, small however many they are.

    :param invocation_arn: one ARN, or several; none at all is success at once. (templated)
    :param tolerate_failures: a job that Bedrock reports as Failed does not fail the task; the counts tell.
    :param first_delay: seconds before the trigger's first look, see the trigger.
    :param deferrable: wait in the triggerer instead of on a worker.
    :param poke_interval: seconds between two looks.
    :param timeout: seconds until the task gives up (no retry), the same with and without ``deferrable``.
    :param aws_conn_id: the Airflow connection; None or empty for boto3's own credential chain. (templated)
    :param region_name: the Region; None for the connection's. (templated)
    :param verify: whether, or with which CA bundle, certificates are checked. (templated)
    :param botocore_config: keyword arguments of ``botocore.config.Config``.
    """

    template_fields: Sequence[str] = ("invocation_arn", *AWS_TEMPLATE_FIELDS)
    ui_color = "#c5cae9"

    def __init__(
        self,
        *,
        invocation_arn: str | Sequence[str],
        tolerate_failures: bool = False,
        first_delay: float = 8.0,
        poke_interval: timedelta | float = 15.0,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.invocation_arn = invocation_arn
        self.tolerate_failures = tolerate_failures
        self.first_delay = first_delay
        self.deferrable = deferrable
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    @property
    def invocation_arns(self) -> list[str]:
        """The ARNs, as a list."""
        arns = self.invocation_arn
        return [arns] if isinstance(arns, str) else list(arns or ())

    def execute(self, context: Context) -> Any:
        """Look once; then poke on the worker, or defer."""
        if not self.deferrable:
            return super().execute(context)
        jobs = self._look()
        if all(job["status"] != "running" for job in jobs):
            return self._conclude(jobs)
        running = sum(job["status"] == "running" for job in jobs)
        self.log.info("Waiting in the triggerer for %d of %d invocations.", running, len(jobs))
        from nova_mme_airflow.triggers import NovaMMECompleteTrigger

        self.defer(
            trigger=NovaMMECompleteTrigger(
                invocation_arns=self.invocation_arns,
                deadline=time.time() + self.timeout,
                waiter_delay=self.poke_interval,
                first_delay=self.first_delay,
                **self.aws_arguments,
            ),
            method_name="execute_complete",
            # The trigger keeps the deadline itself; this is for a trigger that never runs again.
            timeout=timedelta(seconds=self.timeout + 300),
        )

    def poke(self, context: Context) -> PokeReturnValue:
        """One look; a busy service counts as "not yet"."""
        from botocore.exceptions import ClientError

        from nova_mme_airflow.hooks import TRANSIENT_CODES

        try:
            jobs = self._look()
        except ClientError as error:
            if error.response["Error"]["Code"] not in TRANSIENT_CODES:
                raise
            self.log.warning("Bedrock is busy: %s", error)
            return PokeReturnValue(is_done=False)
        if any(job["status"] == "running" for job in jobs):
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self._conclude(jobs))

    def execute_complete(self, context: Context, event: dict[str, Any] | str | None = None) -> Any:
        """Judge the jobs that the trigger has seen end; or its deadline, or what it could not mend.

        ``dag.test()`` resumes here with a plain string when a trigger ended the task; then Bedrock is asked.
        """
        if not isinstance(event, dict):
            return self._conclude(self._look())
        if event["status"] == "timeout":
            raise AirflowSensorTimeout(f"{event['message']} Waited {self.timeout:.0f} s.")
        if "jobs" in event:
            return self._conclude(event["jobs"])
        raise RuntimeError(event["message"])

    def _look(self) -> list[dict[str, Any]]:
        return [self.hook.get_invocation(arn) for arn in self.invocation_arns]

    def _conclude(self, jobs: list[dict[str, Any]]) -> dict[str, Any]:
        from nova_mme_airflow.hooks import summarize

        failed = [job for job in jobs if job["status"] == "error"]
        if failed and not self.tolerate_failures:
            shown = "; ".join(f"{job['invocation_arn']}: {job['message']}" for job in failed[:5])
            raise AirflowFailException(f"{len(failed)} of {len(jobs)} invocations failed. {shown}")
        if len(jobs) == 1 and not self.tolerate_failures:
            return jobs[0]
        return summarize(jobs)
