"""The directory that holds everything local AWS stores, used by one process at a time."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


class DataDirBusy(RuntimeError):
    """Another process uses the directory; the message says which directory."""


class DataDir:
    """An open data directory: the files in it, and the lock that keeps other processes out."""

    def __init__(self, path: Path) -> None:
        """Create and lock the directory; DataDirBusy when another process has it, OSError when it can't be made."""
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self._lock: IO[str] = (path / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise DataDirBusy(
                f"another local AWS is using {path}; stop it first, or give this one another --data directory"
            ) from None

    def close(self) -> None:
        """Let other processes in; a killed process lets them in as well."""
        self._lock.close()
