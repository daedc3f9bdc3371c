"""One SQLite file that is written through: what a call stored is there before the call is answered."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Raised whenever a table changes: an older file is refused with a sentence instead of read wrongly.
LAYOUT = 1


class StaleData(RuntimeError):
    """The file was written with another layout of the tables; the message says what to do."""


class Database:
    """A connection shared by all threads: one writer at a time, in transactions; memory only when `path` is None.

    A killed process loses nothing that was answered; a power cut may lose the last moments
    (SQLite's documentation of "PRAGMA synchronous": NORMAL with a write-ahead log is consistent, not durable).
    """

    def __init__(self, path: Path | None, schema: str) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._check_layout(path)
        self._connection.executescript(schema)

    def _check_layout(self, path: Path | None) -> None:
        found = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, LAYOUT):
            self._connection.close()
            raise StaleData(
                f"{path} was written by another version of local AWS (layout {found}, this one reads {LAYOUT}); "
                "move the data directory away, or start with another --data"
            )
        self._connection.execute(f"PRAGMA user_version = {LAYOUT}")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Hold one transaction: committed at the end of the block, rolled back when it raises."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def read(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def clear(self, *tables: str) -> None:
        """Empty the tables and give the space back to the disk."""
        with self.write() as connection:
            for table in tables:
                connection.execute(f"DELETE FROM {table}")
        with self._lock:
            self._connection.execute("VACUUM")

    def close(self) -> None:
        """Close the connection; what was written is on disk."""
        with self._lock:
            self._connection.close()
