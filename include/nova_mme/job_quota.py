"""The bound on Bedrock jobs in flight: a semaphore in the ledger's table, for all tasks, runs and DAGs together.

Whoever schedules the tasks cannot bound the jobs: a worker that is killed, or a task that is cleared, gives its
place back while its jobs go on. A slot here belongs to a job and not to a process. Nobody has to give it back:
whoever finds all slots taken asks Bedrock which jobs are over.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

log = logging.getLogger(__name__)

LIVE, BACKFILL = "live", "backfill"

# No object id begins with "~", and no space is called so: the ledger never meets this item.
KEY = {"object_id": "~job-quota", "space": "~"}

# Of a request token, 64 hex digits: enough to tell jobs apart, and short, so that the item of a usual quota
# stays below 1 KB, which is one write unit.
_TOKEN_CHARACTERS = 16

# How long a slot is safe from being reclaimed though no job is listed for it: after it was taken, as long as a
# StartAsyncInvoke may be on its way through timeouts and retries; after the start, as long as the new job may be
# missing from the list (AWS states no figure).
_STARTING_SECONDS = 120
_LISTING_SECONDS = 10

# Between two looks at Bedrock's list, by whomever.
_REAP_SECONDS = 2
# What was learned of other applications' jobs is forgotten after so long.
_FRESH_SECONDS = 60

# Where the list may not be read, slots come back after so long, over or not. Longer, and a few short jobs would
# stop everybody; shorter, and Bedrock's own throttles do the bounding.
_EXPIRY_SECONDS = 600

# A live job that waits says so for so long, and says it again after each of its pauses, the longest of which is 15.
_LIVE_SECONDS = 20

# ListAsyncInvokes gives at most so many jobs a page (botocore's model).
_PAGE = 1000


@dataclass(slots=True)
class JobQuota:
    """Slots for jobs in flight; each is held under its job's ``clientRequestToken``.

    The item: ``holders`` (short token -> epoch second up to which the slot is safe from being reclaimed), ``room``
    (the limit less the jobs in progress that hold no slot, but at least 1: other applications of the account),
    ``reaped_at`` and ``live_until`` (epoch seconds).

    :ivar dynamodb: a boto3 DynamoDB resource.
    :ivar table_name: the ledger's table.
    :ivar limit: how many jobs may be in flight.
    :ivar clock: epoch seconds; for tests.
    """

    dynamodb: Any
    table_name: str
    limit: int
    clock: Callable[[], float] = time.time
    _refused: bool = field(default=False, init=False)
    _foreign: int = field(default=0, init=False)

    def acquire(self, token: str, priority: str = LIVE) -> bool:
        """Take a slot for a job, or keep it: a token that holds one has it, whatever is free.

        To be called before every try to start the job: the slot is then safe for two minutes.

        :param priority: ``backfill`` gets no new slot while a live job waits.
        :returns: False when no slot is free, or when nobody knows any more what other applications use; either
            way, :meth:`reap` and ask again.
        """
        now = self._now()
        free = "reaped_at > :stale AND size(holders) < room AND size(holders) < :limit"
        values = {":until": now + _STARTING_SECONDS, ":stale": now - _FRESH_SECONDS, ":limit": self.limit}
        if priority == BACKFILL:
            free += " AND (attribute_not_exists(live_until) OR live_until < :now)"
            values[":now"] = now
        condition = f"attribute_exists(holders.#token) OR ({free})"
        return self._update("SET holders.#token = :until", condition, values, token=token)

    def note_started(self, token: str) -> None:
        """Bedrock has the job: from now on its list says when the slot is free again."""
        values = {":until": self._now() + _LISTING_SECONDS}
        self._update("SET holders.#token = :until", "attribute_exists(holders.#token)", values, token=token)

    def release(self, token: str) -> None:
        """Give a slot back whose job was refused and never began."""
        self._update("REMOVE holders.#token", "attribute_exists(holders.#token)", token=token)

    def announce_live(self) -> None:
        """Keep the next free slots for live jobs, for 20 seconds."""
        self._update("SET live_until = :until", values={":until": self._now() + _LIVE_SECONDS})

    def live_is_waiting(self) -> bool:
        """Whether a live job has said so in the last 20 seconds."""
        return int(self._item().get("live_until", 0)) >= self._now()

    def reap(self, bedrock: Any) -> bool:
        """Give back the slots of jobs that are over, as Bedrock lists them; every two seconds, account-wide.

        A slot that is taken or kept meanwhile stays: it is removed only if it is as it was read.

        :param bedrock: a boto3 ``bedrock-runtime`` client.
        :returns: False when somebody else has looked in the last two seconds.
        :raises ClientError: when the list cannot be had, but for AccessDeniedException.
        """
        now = self._now()
        if not self._claim(now):
            return False
        listed = self._list_running(bedrock)
        # Read after the list: a job of ours that is listed has taken its slot before.
        holders = {token: int(until) for token, until in self._item().get("holders", {}).items()}
        if listed is None:
            foreign, over = 0, [token for token, until in holders.items() if until + _EXPIRY_SECONDS < now]
        else:
            foreign = sum(token not in holders for token in listed)
            over = self._find_over(bedrock, holders.keys() - set(listed), holders, now)
        for token in over:
            self._update(
                "REMOVE holders.#token", "holders.#token = :until", {":until": holders[token]}, token=token
            )
        self._update("SET room = :room", values={":room": max(1, self.limit - foreign)})
        self._tell(foreign)
        return True

    def _claim(self, now: int) -> bool:
        """Be the one that looks; this makes the item, too. Until its first look is over, there is one slot."""
        return self._update(
            "SET reaped_at = :now, holders = if_not_exists(holders, :none), room = if_not_exists(room, :one)",
            "attribute_not_exists(reaped_at) OR reaped_at <= :before",
            {":now": now, ":before": now - _REAP_SECONDS, ":none": {}, ":one": 1},
        )

    def _list_running(self, bedrock: Any) -> list[str] | None:
        """The short tokens of all jobs in progress, empty where a job has none; None when it may not be asked."""
        pages = bedrock.get_paginator("list_async_invokes").paginate(
            statusEquals="InProgress", PaginationConfig={"PageSize": _PAGE}
        )
        try:
            return [_shorten(job) for page in pages for job in page.get("asyncInvokeSummaries", ())]
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
            if not self._refused:
                log.warning(
                    "%s Without bedrock:ListAsyncInvokes nobody can see which jobs are over: each holds its slot "
                    "for %d minutes. Allow it to the task's role.",
                    error,
                    _EXPIRY_SECONDS // 60,
                )
            self._refused = True
            return None

    def _find_over(self, bedrock: Any, unlisted: set[str], holders: Mapping[str, int], now: int) -> list[str]:
        """Those of the unlisted holders whose job is over, or never began.

        The newest jobs are asked for only when a slot was taken or its job started a moment ago: of a job that
        is listed as ended nothing has to be waited for.
        """
        ended: set[str] = set()
        if any(holders[token] >= now for token in unlisted):
            newest = bedrock.list_async_invokes(
                sortBy="SubmissionTime", sortOrder="Descending", maxResults=min(_PAGE, 50 + 2 * self.limit)
            )
            jobs = newest.get("asyncInvokeSummaries", ())
            ended = {_shorten(job) for job in jobs if job.get("status") in ("Completed", "Failed")}
        return [token for token in unlisted if holders[token] < now or token in ended]

    def _tell(self, foreign: int) -> None:
        if foreign != self._foreign:
            log.info("%d jobs of other applications are in progress; the limit is %d.", foreign, self.limit)
        self._foreign = foreign

    def _now(self) -> int:
        return int(self.clock())

    def _item(self) -> dict[str, Any]:
        table = self.dynamodb.Table(self.table_name)
        item: dict[str, Any] = table.get_item(Key=KEY, ConsistentRead=True).get("Item", {})
        return item

    def _update(
        self,
        expression: str,
        condition: str = "",
        values: Mapping[str, Any] | None = None,
        *,
        token: str = "",
    ) -> bool:
        """Update the item; False when the condition does not hold."""
        request: dict[str, Any] = {"Key": KEY, "UpdateExpression": expression}
        if condition:
            request["ConditionExpression"] = condition
        if values:
            request["ExpressionAttributeValues"] = dict(values)
        if token:
            request["ExpressionAttributeNames"] = {"#token": token[:_TOKEN_CHARACTERS]}
        table = self.dynamodb.Table(self.table_name)
        try:
            table.update_item(**request)
        except table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _shorten(job: Mapping[str, Any]) -> str:
    return str(job.get("clientRequestToken", ""))[:_TOKEN_CHARACTERS]
