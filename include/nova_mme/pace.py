"""Keeps all store tasks together below what an S3 Vectors index takes a second.

An index takes 2,500 vectors a second, written and deleted (Amazon S3 user guide, "S3 Vectors limitations and
restrictions"). Every segment goes into all four indexes, so one count serves them all. Vectors reserve their
share of a timeline before they go out; tasks that run in parallel share one in the ledger's table, where a
reservation is a single conditional write: about ten a second at full pace.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

log = logging.getLogger(__name__)

# A little below the limit: what one second has left over arrives in the next.
VECTORS_PER_SECOND = 2450

_MICROSECONDS = 1_000_000

# A timeline that is further ahead is a worker's clock gone wrong: even 500 tasks that wait with a full batch
# each are below a minute. Nobody waits for it.
_FURTHEST_AHEAD = 120 * _MICROSECONDS
_TRIES = 20


class Timeline(Protocol):
    """Time, given away piece by piece."""

    def reserve(self, length: int, now: int) -> int:
        """Take the next free piece of this length; returns when it begins, ``now`` at the earliest (all in µs)."""


@dataclass(slots=True)
class OwnTimeline:
    """The timeline of one process."""

    _end: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reserve(self, length: int, now: int) -> int:
        """Take the next free piece."""
        with self._lock:
            start = max(self._end, now)
            self._end = start + length
            return start


@dataclass(frozen=True, slots=True)
class SharedTimeline:
    """The timeline of all tasks that write one set of indexes: an item of the ledger's table.

    :ivar dynamodb: a boto3 DynamoDB resource.
    :ivar name: of the set of indexes: vector bucket and space.
    :ivar alone: where reservations are made while the table gives no answer.
    """

    dynamodb: Any
    table_name: str
    name: str
    alone: OwnTimeline = field(default_factory=OwnTimeline)

    def reserve(self, length: int, now: int) -> int:
        """Take the next free piece, with one write where others are at work, with two where nobody is."""
        try:
            for _ in range(_TRIES):
                if (end := self._extend(length, now) or self._begin(length, now)) is not None:
                    return end - length
        except (ClientError, BotoCoreError) as error:
            # Pacing spares the service and ourselves; what it misses, the retries of a throttled put mend.
            log.warning("The pace cannot be shared with other tasks for now: %s", error)
        return self.alone.reserve(length, now)

    def _extend(self, length: int, now: int) -> int | None:
        """Take a piece at the end of what is taken; None when that lies in the past."""
        values = {":length": length, ":now": now, ":furthest": now + _FURTHEST_AHEAD}
        return self._update("SET #end = #end + :length", "#end >= :now AND #end <= :furthest", values)

    def _begin(self, length: int, now: int) -> int | None:
        """Take a piece that begins now; None when somebody was faster."""
        values = {":new": now + length, ":now": now, ":furthest": now + _FURTHEST_AHEAD}
        free = "attribute_not_exists(#end) OR #end < :now OR #end > :furthest"
        return self._update("SET #end = :new", free, values)

    def _update(self, update: str, condition: str, values: dict[str, int]) -> int | None:
        client = (
            self.dynamodb.meta.client
        )  # serves all threads, and speaks Python's types as its resource does
        try:
            answer = client.update_item(
                TableName=self.table_name,
                # No object id begins with "~", and no space is called so: the ledger never meets this item.
                Key={"object_id": f"~pace/{self.name}", "space": "~"},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#end": "end"},
                ExpressionAttributeValues=values,
                ReturnValues="UPDATED_NEW",
            )
        except client.exceptions.ConditionalCheckFailedException:
            return None
        return int(answer["Attributes"]["end"])


@dataclass(frozen=True, slots=True)
class Pacer:
    """Holds back vectors until it is their turn; one serves all threads.

    :ivar clock: epoch seconds.
    :ivar sleep: seconds in; both are for tests.
    """

    timeline: Timeline
    rate: float = VECTORS_PER_SECOND
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def take(self, vectors: int) -> None:
        """Return when so many vectors may be written to, or deleted from, each of the four indexes."""
        now = int(self.clock() * _MICROSECONDS)
        start = self.timeline.reserve(int(vectors * _MICROSECONDS / self.rate), now)
        if start > now:
            self.sleep((start - now) / _MICROSECONDS)
