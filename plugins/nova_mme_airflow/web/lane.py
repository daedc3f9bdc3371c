"""Threads of the page's own: when AWS is slow, searches wait for each other, and Airflow's own routes for nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from anyio import CapacityLimiter, to_thread
from fastapi import Response

# Each holds a thread as long as AWS takes, and the hits that it looks through; FastAPI's own forty are Airflow's.
_AT_ONCE = 16


class Lane:
    """Runs so many at a time; the others wait their turn on the event loop, without a thread."""

    def __init__(self, at_once: int = _AT_ONCE) -> None:
        self._limiter = CapacityLimiter(at_once)

    async def answer(self, make: Callable[[], Mapping[str, Any]]) -> Response:
        """The JSON document that a function makes, in a thread; so is its text."""
        content = await to_thread.run_sync(lambda: orjson.dumps(make()), limiter=self._limiter)
        return Response(content, media_type="application/json")
