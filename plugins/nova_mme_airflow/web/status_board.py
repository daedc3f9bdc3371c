"""How the deployment stands, without a page that waits for a long ledger to be counted."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from nova_mme.model_life import find_end_of_life
from nova_mme.overview import take_overview
from nova_mme.row import Row
from nova_mme_airflow.clients import Clients

log = logging.getLogger(__name__)

# Somebody who looks often does not have a large table read all the time.
_FRESH_SECONDS = 15.0
_SHARE = 20
_PATIENCE_SECONDS = 5.0


class StatusBoard:
    """Counts in the background, one count at a time, and shows the last one meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="nova-mme-status")
        self._counting: Future[dict[str, Any]] | None = None
        self._shown: dict[str, Any] | None = None
        self._failure: Exception | None = None
        self._stale_from = 0.0
        self._rows = 0

    def show(self, clients: Clients, patience: float = _PATIENCE_SECONDS) -> dict[str, Any]:
        """The overview, and ``counting``: the rows that a count under way has seen, None when there is none.

        What was counted within 15 s, or twenty times as long as the count took, is shown again. A new count is waited
        for, but no longer than ``patience`` seconds; then the last one is shown, or nothing but ``counting``.

        :raises ClientError, BadSetting: what the count ended with; also when it ended after the wait for it.
        """
        with self._lock:
            if self._failure:
                failure, self._failure = self._failure, None
                raise failure
            if self._counting is None and (self._shown is None or time.monotonic() > self._stale_from):
                self._rows = 0
                self._counting = self._pool.submit(self._count, clients)
            counting, shown = self._counting, self._shown
        if counting is None:
            return {**(shown or {}), "counting": None}
        done, _ = wait([counting], patience)
        if not done:
            return {**(shown or {}), "counting": self._rows}
        with self._lock:
            self._failure = None
        return {**counting.result(), "counting": None}

    def _count(self, clients: Clients) -> dict[str, Any]:
        start = time.monotonic()
        try:
            shown = take_overview(
                clients.registry,
                clients.settings,
                find_end_of_life=lambda model_id: find_end_of_life(clients.bedrock_models, model_id),
                watch=self._see,
            )
            with self._lock:
                took = time.monotonic() - start
                self._shown, self._stale_from = shown, start + max(_FRESH_SECONDS, _SHARE * took)
            log.info("Counted %s rows of the ledger in %.1f s", self._rows, took)
            return shown
        except Exception as error:
            with self._lock:
                self._failure = error
            raise
        finally:
            with self._lock:
                self._counting = None

    def _see(self, row: Row) -> None:
        self._rows += 1
