"""The hook to Bedrock's async invocations: the provider's, and the reading of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.hooks.bedrock import BedrockRuntimeHook

# Answers that say nothing about the job: ask again later.
TRANSIENT_CODES = frozenset(
    {
        "ThrottlingException",
        "TooManyRequestsException",
        "ServiceUnavailableException",
        "InternalServerException",
        "RequestTimeout",
        "RequestTimeoutException",
    }
)


class SharedSessionHook(AwsBaseHook):
    """A hook whose session is another hook's, where both are of one connection and Region.

    A session of its own costs each client a third of a second of CPU, and every task opens four.

    :param sessions: Region -> session, filled by the first hook of each.
    """

    def __init__(self, *, sessions: dict[str | None, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._sessions = sessions

    def get_session(self, region_name: str | None = None, deferrable: bool = False) -> Any:
        """The session of the Region; an asynchronous one is never shared."""
        if deferrable:
            return super().get_session(region_name, deferrable)
        if region_name not in self._sessions:
            self._sessions[region_name] = super().get_session(region_name)
        return self._sessions[region_name]


class NovaMMEHook(BedrockRuntimeHook):
    """Amazon Bedrock Runtime, for async invocations of Nova Multimodal Embeddings.

    .. seealso:: :class:`~airflow.providers.amazon.aws.hooks.bedrock.BedrockRuntimeHook`
    """

    @classmethod
    def of(
        cls,
        *,
        aws_conn_id: str | None,
        region_name: str | None,
        verify: bool | str | None,
        botocore_config: Mapping[str, Any] | None,
    ) -> NovaMMEHook:
        """A hook from an operator's or a trigger's four AWS arguments."""
        config = dict(botocore_config) if botocore_config else None
        return cls(
            aws_conn_id=aws_conn_id or None, region_name=region_name or None, verify=verify, config=config
        )

    def get_invocation(self, invocation_arn: str) -> dict[str, Any]:
        """One job's state: see :func:`read_invocation`."""
        return read_invocation(self.conn.get_async_invoke(invocationArn=invocation_arn))


def read_invocation(answer: Mapping[str, Any]) -> dict[str, Any]:
    """GetAsyncInvoke's answer as JSON: ``status`` (running, success or error), ``invocation_arn``,
    ``output_s3_uri`` (the job's own folder) and ``message`` (Bedrock's, when it failed)."""
    return {
        "status": {"Completed": "success", "Failed": "error"}.get(answer["status"], "running"),
        "invocation_arn": answer["invocationArn"],
        "output_s3_uri": answer["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"],
        "message": answer.get("failureMessage", ""),
    }


def summarize(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Finished jobs as one small document: counts, and the failures by ARN."""
    failures = [
        {"invocation_arn": job["invocation_arn"], "message": job["message"]}
        for job in jobs
        if job["status"] == "error"
    ]
    return {"completed": len(jobs) - len(failures), "failed": len(failures), "failures": failures[:20]}
