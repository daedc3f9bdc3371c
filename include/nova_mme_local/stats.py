"""Counts every call, so that a test can say what was asked of AWS, and how often."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any


class Stats:
    """Calls by "service.Operation": those answered well, and those refused or dropped; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._operations: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._bytes_in = 0

    def count(self, name: str, *, status: int | None, bytes_in: int) -> None:
        """Count one call by its HTTP status; None is a dropped connection."""
        well = status is not None and status < 400
        with self._lock:
            (self._operations if well else self._errors)[name] += 1
            self._bytes_in += bytes_in

    def show(self) -> dict[str, Any]:
        """Return the counters, names in order."""
        with self._lock:
            return {
                "operations": dict(sorted(self._operations.items())),
                "errors": dict(sorted(self._errors.items())),
                "bytes_in": self._bytes_in,
            }

    def reset(self) -> None:
        """Start again at zero."""
        with self._lock:
            self._operations.clear()
            self._errors.clear()
            self._bytes_in = 0
