"""Wait in the triggerer for async invocations to end: one trigger and one client for a whole shard.

Imports the provider only, never the core: the triggerer is a long-lived process.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from botocore.exceptions import ClientError, HTTPClientError

from nova_mme_airflow.hooks import TRANSIENT_CODES, NovaMMEHook, read_invocation


class NovaMMECompleteTrigger(BaseTrigger):
    """Fires when all of the invocations are Completed or Failed, or when the deadline has passed.

    :param invocation_arns: the jobs.
    :param deadline: epoch seconds; absolute, so that a restarted triggerer does not start it anew.
    :param waiter_delay: seconds between two rounds of polling, give or take a fifth.
    :param first_delay: seconds before the first one. A trigger that fires while the scheduler still books
        the task's deferral can have its task marked failed (apache/airflow#71580); a job is never that fast.
    :param aws_conn_id, region_name, verify, botocore_config: as the operator has them.
    """

    def __init__(
        self,
        *,
        invocation_arns: list[str],
        deadline: float,
        waiter_delay: float = 15.0,
        first_delay: float = 8.0,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.invocation_arns = invocation_arns
        self.deadline = deadline
        self.waiter_delay = waiter_delay
        self.first_delay = first_delay
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class path and the constructor's arguments, as JSON."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "invocation_arns": self.invocation_arns,
                "deadline": self.deadline,
                "waiter_delay": self.waiter_delay,
                "first_delay": self.first_delay,
                "aws_conn_id": self.aws_conn_id,
                "region_name": self.region_name,
                "verify": self.verify,
                "botocore_config": self.botocore_config,
            },
        )

    def hook(self) -> NovaMMEHook:
        """The same connection, Region, verification and configuration as the sensor's."""
        return NovaMMEHook.of(
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            botocore_config=self.botocore_config,
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until all jobs have ended (well or not: the sensor judges that), and yield one event.

        The event is a plain one, not a ``TaskSuccessEvent``: Airflow refuses DAGs that end tasks in the triggerer
        wherever a plugin has listeners, and what a trigger pushes to XCom reaches other tasks as a JSON text.
        """
        await asyncio.sleep(self.first_delay)
        ended: dict[str, dict[str, Any]] = {}
        async with await self.hook().get_async_conn() as client:
            while True:
                problem = await self._poll(client, ended)
                if problem:
                    yield TriggerEvent({"status": "error", "message": problem})
                    return
                if len(ended) == len(self.invocation_arns):
                    jobs = [ended[arn] for arn in self.invocation_arns]
                    yield TriggerEvent({"status": "success", "message": "", "jobs": jobs})
                    return
                if time.time() >= self.deadline:
                    left = len(self.invocation_arns) - len(ended)
                    yield TriggerEvent(
                        {"status": "timeout", "message": f"{left} invocations are still running."}
                    )
                    return
                await asyncio.sleep(self.waiter_delay * random.uniform(0.8, 1.2))

    async def _poll(self, client: Any, ended: dict[str, dict[str, Any]]) -> str:
        """Ask once for each job that has not ended; returns what asking again will not mend, or ""."""
        for arn in self.invocation_arns:
            if arn in ended:
                continue
            try:
                job = read_invocation(await client.get_async_invoke(invocationArn=arn))
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code not in TRANSIENT_CODES:
                    return f"{arn}: {error}"
                self.log.warning("Bedrock is busy (%s); asking again later.", code)
                return ""
            except HTTPClientError as error:
                self.log.warning("Bedrock cannot be reached (%s); asking again later.", error)
                return ""
            if job["status"] != "running":
                ended[arn] = job
        self.log.info("%d of %d invocations have ended.", len(ended), len(self.invocation_arns))
        return ""
