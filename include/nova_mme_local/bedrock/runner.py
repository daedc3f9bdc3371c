"""Runs jobs: a few threads do the work, one more ends each job when its work is done and its time has come.

A job's time is a deadline, not a sleep: hundreds of jobs may be waiting for theirs while two threads embed.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from nova_mme_local.bedrock.jobs import Job
from nova_mme_local.bedrock.work import JobFailed
from nova_mme_local.faults import JobFault

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0
_MESSAGE_LENGTH = 2048  # of failureMessage, in botocore's model

# Does the work of a job; the last argument raises when the job is no longer wanted.
CarryOut = Callable[[Job, JobFault | None, Callable[[], None]], None]
# Ends a job; the second argument is the failure, if any.
Conclude = Callable[[Job, str | None], None]


class Unwanted(Exception):
    """The job was forgotten, or local AWS is ending: the work is dropped without a result."""


class Runner:
    """Works off jobs in the background until it is closed."""

    def __init__(self, *, carry_out: CarryOut, conclude: Conclude, workers: int) -> None:
        self._carry_out = carry_out
        self._conclude = conclude
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="bedrock-worker")
        self._change = threading.Condition()
        self._done: list[tuple[float, int, Job, str | None]] = []  # a heap by deadline
        self._order = itertools.count()
        self._generation = 0
        self._closed = False
        self._clock = threading.Thread(target=self._end_jobs, name="bedrock-clock", daemon=True)
        self._clock.start()

    def submit(self, job: Job, fault: JobFault | None = None) -> None:
        """Start the work of a job as soon as a thread is free."""
        generation = self._generation
        # The wall clock may be set while a job runs; only what is left of its time is taken from it.
        deadline = time.monotonic() + max(0.0, job.due - time.time())

        def check() -> None:
            if self._closed or generation != self._generation:
                raise Unwanted(job.arn)

        future = self._pool.submit(self._carry_out, job, fault, check)
        future.add_done_callback(lambda done: self._note(job, deadline, done))

    def forget(self) -> None:
        """Drop the work of all jobs: what waits is never begun, what runs ends without a result.

        A job whose work is done is still concluded; whoever forgets jobs must bear that.
        """
        with self._change:
            self._generation += 1

    def close(self) -> None:
        """Drop all jobs and end the threads."""
        with self._change:
            self._closed = True
            self._change.notify()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._clock.join()

    def _note(self, job: Job, deadline: float, done: Future[None]) -> None:
        try:
            failure = _explain(job, done)
        except Unwanted:
            return
        with self._change:
            heapq.heappush(self._done, (deadline, next(self._order), job, failure))
            self._change.notify()

    def _end_jobs(self) -> None:
        while True:
            with self._change:
                while not self._closed and not self._is_due():
                    self._change.wait(self._done[0][0] - time.monotonic() if self._done else None)
                if self._closed:
                    return
                self._end_job(*heapq.heappop(self._done))

    def _end_job(self, _: float, order: int, job: Job, failure: str | None) -> None:
        try:
            self._conclude(job, failure)
        except sqlite3.OperationalError:  # a full disk, say: the job must not stay in progress for ever
            _log.exception("Could not note the end of %s; trying again", job.arn)
            heapq.heappush(self._done, (time.monotonic() + _RETRY_SECONDS, order, job, failure))

    def _is_due(self) -> bool:
        return bool(self._done) and self._done[0][0] <= time.monotonic()


def _explain(job: Job, done: Future[None]) -> str | None:
    """Return the failureMessage of a job whose work is over, None when it went well; raises Unwanted."""
    if done.cancelled():
        raise Unwanted(job.arn)
    error = done.exception()
    if error is None:
        return None
    if isinstance(error, Unwanted):
        raise error
    if isinstance(error, JobFailed):
        return str(error)[:_MESSAGE_LENGTH]
    _log.error("The work of %s broke off", job.arn, exc_info=error)
    return f"Internal server error: {type(error).__name__}: {error}"[:_MESSAGE_LENGTH]
