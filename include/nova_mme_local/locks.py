"""Orders the calls that moto would mix up: it checks a condition and writes in two steps, without a lock."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

STRIPES = 64


class KeyLocks:
    """One lock for each S3 key, or rather for each of 64 groups of keys; may be held twice by one thread."""

    def __init__(self) -> None:
        self._locks = [threading.RLock() for _ in range(STRIPES)]

    def hold(self, bucket: str, key: str) -> AbstractContextManager[object]:
        """Return the lock of a key, to be used in a with statement."""
        return self._locks[hash((bucket, key)) % STRIPES]
