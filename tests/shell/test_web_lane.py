"""The page's own threads: so many searches at a time, and the others wait without one."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from nova_mme_airflow.web.lane import Lane


def test_no_more_than_the_lane_has_room_for() -> None:
    """Of twenty, four at a time; all are answered."""
    lock, inside, most = threading.Lock(), [0], [0]
    together = threading.Barrier(4, timeout=10)

    def work() -> dict[str, Any]:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        together.wait()
        with lock:
            inside[0] -= 1
        return {"done": True}

    async def ask() -> list[bytes]:
        lane = Lane(4)
        answers = await asyncio.gather(*(lane.answer(work) for _ in range(20)))
        return [bytes(answer.body) for answer in answers]

    assert asyncio.run(ask()) == [b'{"done":true}'] * 20
    assert most[0] == 4
