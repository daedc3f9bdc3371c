"""Watch a queue of S3 events in the triggerer, and wake a DAG once for many of them.

The event says that there is something to do, never what: the DAG's plan compares the bucket with the ledger. So a
message may come late, twice or not at all, and none of them is worth a task that fails.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.sqs import SqsHook

# Amazon SQS API reference, ReceiveMessage and DeleteMessageBatch: at most 20 seconds, and ten messages.
_LONG_POLL = 20
_MESSAGES = 10

# A stream of uploads that does not end wakes the DAG ever more seldom, up to this many seconds apart.
_LONGEST_GATHER = 300.0
# What is kept in memory of a batch are receipts, of a few hundred bytes each.
_MOST_RECEIPTS = 10_000
# A message that is being gathered must not be delivered anew: it is hidden for this much longer.
_HIDDEN_LONGER = 120
_LONGEST_PAUSE = 300.0


class NovaMMEUploadsTrigger(BaseEventTrigger):
    """Fires once per batch of messages, for ever, with the number of uploads that they told of.

    Messages are deleted some seconds after the event: Airflow's triggerer stores events about once a second, and when
    it dies before that, the messages come again. What goes wrong is logged and tried again, less and less often:
    Airflow starts a watcher that failed anew within a second, which would be a storm of calls.

    :param queue: the queue's URL, or its name.
    :param aws_conn_id, region_name: the Amazon provider's connection; the Region is that of the connection by default.
    :param quiet_seconds: a batch ends when no message has come for so long (1 to 20, a whole number).
    :param gather_seconds: a batch ends after so long in any case.
    :param settle_seconds: between the event and the deletion of its messages.
    """

    def __init__(
        self,
        *,
        queue: str,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        quiet_seconds: int = 3,
        gather_seconds: float = 25.0,
        settle_seconds: float = 5.0,
    ) -> None:
        super().__init__()
        self.queue = queue
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.quiet_seconds = quiet_seconds
        self.gather_seconds = gather_seconds
        self.settle_seconds = settle_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class path and the constructor's arguments, as JSON; equal ones are one watcher."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "queue": self.queue,
                "aws_conn_id": self.aws_conn_id,
                "region_name": self.region_name,
                "quiet_seconds": self.quiet_seconds,
                "gather_seconds": self.gather_seconds,
                "settle_seconds": self.settle_seconds,
            },
        )

    def hook(self) -> SqsHook:
        """The provider's hook to the queue; imported here, because DAG files import this module."""
        from airflow.providers.amazon.aws.hooks.sqs import SqsHook

        return SqsHook(aws_conn_id=self.aws_conn_id or None, region_name=self.region_name or None)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event per batch, with one client for as long as it works."""
        from airflow.sdk.exceptions import AirflowException
        from botocore.exceptions import BotoCoreError, ClientError

        failures, gather = 0, self.gather_seconds
        while True:
            try:
                hook = await asyncio.to_thread(self.hook)  # its import would stop all triggers for a second
                async with await hook.get_async_conn() as client:
                    url = await self._find_queue(client)
                    while True:
                        batch = await self._gather(client, url, gather)
                        failures = 0
                        gather = self.gather_seconds if batch.is_quiet else min(2 * gather, _LONGEST_GATHER)
                        if batch.uploads:
                            yield TriggerEvent({"uploads": batch.uploads})
                            await asyncio.sleep(self.settle_seconds)
                        await self._delete(client, url, batch.receipts)
            except (ClientError, BotoCoreError, AirflowException, OSError) as error:
                failures += 1
                pause = min(2.0**failures, _LONGEST_PAUSE) * random.uniform(0.5, 1.0)
                self.log.warning(
                    "Uploads are not noticed just now, in queue %s; trying again in %.0f s: %s",
                    self.queue,
                    pause,
                    error,
                )
                await asyncio.sleep(pause)

    async def _find_queue(self, client: Any) -> str:
        if "://" in self.queue:
            return self.queue
        answer = await client.get_queue_url(QueueName=self.queue)
        self.log.info("Watching for uploads: %s", answer["QueueUrl"])
        return str(answer["QueueUrl"])

    async def _gather(self, client: Any, url: str, seconds: float) -> _Batch:
        """Wait for a message, then take what follows until it is quiet; empty when none came."""
        batch, hidden = _Batch(), round(seconds) + _HIDDEN_LONGER
        messages = await _receive(client, url, wait=_LONG_POLL, hidden=hidden)
        end = time.monotonic() + seconds
        while messages:
            for message in messages:
                self._add(batch, message)
            if time.monotonic() >= end or len(batch.receipts) >= _MOST_RECEIPTS:
                batch.is_quiet = False
                break
            messages = await _receive(client, url, wait=self.quiet_seconds, hidden=hidden)
        return batch

    def _add(self, batch: _Batch, message: dict[str, Any]) -> None:
        batch.receipts.append(message["ReceiptHandle"])
        uploads = count_uploads(message["Body"])
        batch.uploads += uploads
        if not uploads:
            self.log.info("Dropping a message that tells of no upload: %.200s", message["Body"])

    async def _delete(self, client: Any, url: str, receipts: list[str]) -> None:
        """Delete messages; one that cannot be deleted comes again, and wakes the DAG for nothing."""
        for start in range(0, len(receipts), _MESSAGES):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt}
                for number, receipt in enumerate(receipts[start : start + _MESSAGES])
            ]
            answer = await client.delete_message_batch(QueueUrl=url, Entries=entries)
            for failed in answer.get("Failed", ()):
                self.log.info("A message was not deleted, and will come again: %s", failed.get("Message"))


@dataclass(slots=True)
class _Batch:
    """The receipts of messages, how many uploads these told of, and whether no more were waiting."""

    uploads: int = 0
    receipts: list[str] = field(default_factory=list)
    is_quiet: bool = True


async def _receive(client: Any, url: str, *, wait: int, hidden: int) -> list[dict[str, Any]]:
    """Up to ten messages, hidden from others for so many seconds; none when none came while we waited."""
    answer = await client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=_MESSAGES, WaitTimeSeconds=wait, VisibilityTimeout=hidden
    )
    return list(answer.get("Messages", ()))


def count_uploads(body: str) -> int:
    """How many new objects a message tells of; 0 for test events, deletions, and whatever is not S3's.

    Three forms are read: an EventBridge event and an S3 notification (Amazon S3 user guide, "EventBridge event message
    structure" and "Event message structure"), and the latter as SNS wraps it.
    """
    event = _parse(body)
    if event.get("Type") == "Notification":
        event = _parse(event.get("Message"))
    if event.get("source") == "aws.s3":
        return int(event.get("detail-type") == "Object Created")
    records = event.get("Records")
    if not isinstance(records, list):
        return 0
    return sum(_is_creation(record) for record in records)


def _is_creation(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and record.get("eventSource") == "aws:s3"
        and str(record.get("eventName", "")).startswith("ObjectCreated")
    )


def _parse(text: Any) -> dict[str, Any]:
    """A JSON object; an empty one for anything else."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
