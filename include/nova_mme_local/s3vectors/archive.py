"""Keeps vector buckets, indexes and vectors in SQLite, written before a call is answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from nova_mme_local.database import Database
from nova_mme_local.s3vectors.records import Batch

SCHEMA = """
CREATE TABLE IF NOT EXISTS vector_buckets (region TEXT, name TEXT, document BLOB, PRIMARY KEY (region, name));
CREATE TABLE IF NOT EXISTS vector_indexes (arn TEXT PRIMARY KEY, document BLOB);
CREATE TABLE IF NOT EXISTS vectors (
    arrival INTEGER PRIMARY KEY, arn TEXT, key TEXT, data BLOB, metadata BLOB, UNIQUE (arn, key)
);
"""
LOAD_ROWS = 1000  # vectors put into memory at a time


class Archive:
    """The tables behind the service; nothing outlives the process when `path` is None."""

    def __init__(self, path: Path | None) -> None:
        self._database = Database(path, SCHEMA)

    def save_bucket(self, region: str, name: str, document: dict[str, Any]) -> None:
        """Create or replace a bucket."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO vector_buckets VALUES (?, ?, ?)",
                (region, name, orjson.dumps(document)),
            )

    def drop_bucket(self, region: str, name: str) -> None:
        """Forget a bucket."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM vector_buckets WHERE region = ? AND name = ?", (region, name))

    def save_index(self, arn: str, document: dict[str, Any]) -> None:
        """Create or replace an index; its vectors stay."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO vector_indexes VALUES (?, ?)", (arn, orjson.dumps(document))
            )

    def drop_index(self, arn: str) -> None:
        """Forget an index and all its vectors."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM vector_indexes WHERE arn = ?", (arn,))
            connection.execute("DELETE FROM vectors WHERE arn = ?", (arn,))

    def put_vectors(self, arn: str, batch: Batch) -> None:
        """Store all vectors of a batch or none; a replaced vector keeps its place in the order of arrival."""
        rows = [
            (arn, key, row.tobytes(), None if document is None else orjson.dumps(document))
            for key, row, document in zip(batch.keys, batch.rows, batch.metadata, strict=True)
        ]
        with self._database.write() as connection:
            connection.executemany(
                "INSERT INTO vectors (arn, key, data, metadata) VALUES (?, ?, ?, ?) ON CONFLICT (arn, key) "
                "DO UPDATE SET data = excluded.data, metadata = excluded.metadata",
                rows,
            )

    def delete_vectors(self, arn: str, keys: Sequence[str]) -> None:
        """Forget vectors; unknown keys are no error."""
        with self._database.write() as connection:
            connection.executemany(
                "DELETE FROM vectors WHERE arn = ? AND key = ?", [(arn, key) for key in keys]
            )

    def load_buckets(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return (region, name, document) of every bucket."""
        rows = self._database.read("SELECT region, name, document FROM vector_buckets ORDER BY region, name")
        return [(region, name, orjson.loads(document)) for region, name, document in rows]

    def load_indexes(self) -> list[tuple[str, dict[str, Any]]]:
        """Return (arn, document) of every index."""
        rows = self._database.read("SELECT arn, document FROM vector_indexes ORDER BY arn")
        return [(arn, orjson.loads(document)) for arn, document in rows]

    def load_vectors(self, arn: str, dimension: int) -> Iterator[Batch]:
        """Yield the vectors of an index in the order of arrival, in batches."""
        last = 0
        while True:
            rows = self._database.read(
                "SELECT arrival, key, data, metadata FROM vectors WHERE arn = ? AND arrival > ? "
                "ORDER BY arrival LIMIT ?",
                (arn, last, LOAD_ROWS),
            )
            if not rows:
                return
            last = rows[-1][0]
            matrix = np.frombuffer(b"".join(row[2] for row in rows), np.float32).reshape(-1, dimension)
            metadata = [None if row[3] is None else orjson.loads(row[3]) for row in rows]
            yield Batch([row[1] for row in rows], matrix, metadata)

    def clear(self) -> None:
        """Forget everything."""
        self._database.clear("vectors", "vector_indexes", "vector_buckets")

    def close(self) -> None:
        """Close the file."""
        self._database.close()
