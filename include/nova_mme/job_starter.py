"""Start one Bedrock job: when the quota has a slot for it, and as often as a busy service asks for it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from nova_mme.errors import Unfinished, Yielded
from nova_mme.job_quota import BACKFILL, LIVE, JobQuota

log = logging.getLogger(__name__)

# Bedrock's answers that waiting mends. It sends no Retry-After, and the number of async jobs that may run
# at once is an account quota: a full quota looks the same as a burst.
BUSY = frozenset(
    {
        "ThrottlingException",
        "TooManyRequestsException",
        "ServiceQuotaExceededException",
        "ServiceUnavailableException",
        "InternalServerException",
        "ModelNotReadyException",
    }
)
PATIENCE_SECONDS = 1800.0
_LONGEST_PAUSE = 15.0

# A backfill that has waited for so long in all gives its worker to others.
BACKFILL_SECONDS = 60.0


@dataclass(slots=True)
class JobStarter:
    """Starts async invocations, one after the other: waits for a slot of the quota, waits out a busy service.

    :ivar bedrock: a boto3 ``bedrock-runtime`` client.
    :ivar quota: what bounds the jobs in flight; None for no bound but Bedrock's own.
    :ivar priority: ``live``, or ``backfill``, which makes way for live work.
    :ivar patience: seconds that one start may wait for a slot, and once more for a busy service.
    :ivar sleep: for tests; seconds in.
    """

    bedrock: Any
    quota: JobQuota | None = None
    priority: str = LIVE
    patience: float = PATIENCE_SECONDS
    sleep: Callable[[float], None] = time.sleep
    _waited: float = field(default=0.0, init=False)

    def start(self, request: Mapping[str, Any]) -> str:
        """Call StartAsyncInvoke; returns the ARN. Called again with the same token, it finds the same job.

        Between two tries it pauses, at first up to 1 s, then up to 15 s, with full jitter, so that shards
        that wait for the same quota do not come back together.

        :raises Unfinished: when no slot was free, or the service stayed busy, for ``patience`` seconds.
        :raises Yielded: when a backfill found live work waiting, or has waited for a minute in all.
        :raises ClientError: for any other refusal; no slot is left behind.
        """
        waited, bound = 0.0, 1.0
        while True:
            self._take_slot(request)
            try:
                arn = str(self.bedrock.start_async_invoke(**request)["invocationArn"])
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code not in BUSY:
                    self._leave(request, code)
                    raise
                self._reap()  # perhaps it is other applications' jobs that keep Bedrock busy
                self._stand_in_line()
                if waited >= self.patience:
                    raise Unfinished(f"Bedrock stayed busy for {waited:.0f} s ({code}).") from error
            else:
                if self.quota:
                    self.quota.note_started(request["clientRequestToken"])
                return arn
            pause = random.uniform(0.2, bound)
            log.info("Bedrock is busy; next try in %.1f s.", pause)
            self._pause(pause)
            waited, bound = waited + pause, min(2 * bound, _LONGEST_PAUSE)

    def _take_slot(self, request: Mapping[str, Any]) -> None:
        """Return with a slot for the job; one that it holds already is kept."""
        if self.quota is None:
            return
        waited = 0.0
        while not self._get_slot(self.quota, request["clientRequestToken"]):
            self._stand_in_line()
            if waited >= self.patience:
                allowed = self.quota.limit
                raise Unfinished(
                    f"No slot for a job was free for {waited:.0f} s; {allowed} are allowed at once."
                )
            if not waited:
                log.info("All slots for jobs are taken; waiting for one.")
            pause = random.uniform(0.5, 1.5)
            self._pause(pause)
            waited += pause

    def _get_slot(self, quota: JobQuota, token: str) -> bool:
        """Ask for a slot, and once more when that of a finished job may have been given back."""
        return quota.acquire(token, self.priority) or (self._reap() and quota.acquire(token, self.priority))

    def _reap(self) -> bool:
        """Have the slots of finished jobs given back; False when there is nothing new to be seen yet."""
        try:
            return self.quota is not None and self.quota.reap(self.bedrock)
        except ClientError as error:
            if error.response["Error"]["Code"] not in BUSY:
                raise
            log.info("Bedrock is too busy to list its jobs.")
            return False

    def _stand_in_line(self) -> None:
        """Live work says that it waits; a backfill makes way for it, and for others after a while."""
        if self.quota is None:
            return
        if self.priority != BACKFILL:
            self.quota.announce_live()
        elif self.quota.live_is_waiting():
            raise Yielded("Live work is waiting for a slot; the backfill goes on later.")
        elif self._waited >= BACKFILL_SECONDS:
            raise Yielded(f"The backfill has waited for {self._waited:.0f} s; it goes on later.")

    def _leave(self, request: Mapping[str, Any], code: str) -> None:
        """Give the slot back at once, unless a job may hold it: a conflicting token has been used before."""
        if self.quota is None:
            return
        if code == "ConflictException":
            self.quota.note_started(request["clientRequestToken"])
        else:
            self.quota.release(request["clientRequestToken"])

    def _pause(self, seconds: float) -> None:
        self.sleep(seconds)
        self._waited += seconds
