"""S3 objects on disk: one file for each body, one row for what S3 tells about it.

ETag, last modification, checksum and metadata come back as they were, because programs compare them between
two listings to see whether an object has changed. Uploads in parts that were not completed are lost.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson

from nova_mme_local.database import Database
from nova_mme_local.durable.keyrecord import describe_version, is_marker, open_version
from nova_mme_local.locks import KeyLocks

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT, key TEXT, position INTEGER, file TEXT, document BLOB, PRIMARY KEY (bucket, key, position)
);
"""
Row = tuple[str, bytes]  # the file of the body ("" for a delete marker), the rest as JSON


class Objects:
    """A mirror of moto's S3 objects, all versions of them."""

    def __init__(self, database: Database, directory: Path, locks: KeyLocks) -> None:
        self._database = database
        self._directory = directory
        self._locks = locks
        directory.mkdir(parents=True, exist_ok=True)

    def keep_key(self, bucket: str, key: str) -> None:
        """Bring the disk in line with what moto holds under one key, whatever the call was."""
        with self._locks.hold(bucket, key):
            versions = find_versions(bucket, key)
            rows = [self._keep_version(version) for version in versions]
            self._replace_rows(bucket, key, rows)

    def keep_bucket(self, bucket: str) -> None:
        """The same for every key of a bucket that differs: after a call that names many keys, or none."""
        on_disk: dict[str, list[str]] = {}
        for key, file in self._database.read(
            "SELECT key, file FROM objects WHERE bucket = ? ORDER BY key, position", (bucket,)
        ):
            on_disk.setdefault(key, []).append(file)
        in_memory = {key: [_file_of(v) for v in versions] for key, versions in list_versions(bucket)}
        for key in on_disk.keys() | in_memory.keys():
            if on_disk.get(key) != in_memory.get(key):
                self.keep_key(bucket, key)

    def restore(self) -> None:
        """Give moto all objects back, without events; its buckets must exist. Then drop files nobody owns."""
        rows = self._database.read(
            "SELECT bucket, key, file, document FROM objects ORDER BY bucket, key, position"
        )
        for bucket, key, file, document in rows:
            self._restore_version(bucket, key, file, orjson.loads(document))
        self._sweep({file for _, _, file, _ in rows})

    def clear(self) -> None:
        """Forget all objects; their rows are dropped by the owner of the database."""
        self._sweep(set())

    def _keep_version(self, version: Any) -> Row:
        document = orjson.dumps(describe_version(version))
        if is_marker(version):
            return "", document
        if _file_of(version) is None:
            version.local_file = self._write_body(version.value)
        return version.local_file, document

    def _write_body(self, body: bytes) -> str:
        name = uuid.uuid4().hex
        unfinished = self._directory / f"{name}.part"
        unfinished.write_bytes(body)
        unfinished.rename(self._directory / name)
        return name

    def _replace_rows(self, bucket: str, key: str, rows: list[Row]) -> None:
        with self._database.write() as connection:
            old = connection.execute(
                "SELECT file FROM objects WHERE bucket = ? AND key = ?", (bucket, key)
            ).fetchall()
            connection.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, key))
            connection.executemany(
                "INSERT INTO objects VALUES (?, ?, ?, ?, ?)",
                [(bucket, key, position, *row) for position, row in enumerate(rows)],
            )
        self._drop_files({file for (file,) in old} - {file for file, _ in rows})

    def _restore_version(self, bucket: str, key: str, file: str, document: dict[str, Any]) -> None:
        holder = find_bucket(bucket)
        versions = holder.keys.getlist(key, [])
        body = (self._directory / file).read_bytes() if file else None
        before = versions[-1] if versions else SimpleNamespace(name=key)
        version = open_version(holder, key, body, document, before=before)
        if file:
            version.local_file = file
        holder.keys.setlist(key, [*versions, version])

    def _sweep(self, owned: set[str]) -> None:
        self._drop_files({path.name for path in self._directory.iterdir()} - owned)

    def _drop_files(self, names: Iterable[str]) -> None:
        for name in names:
            if name:
                (self._directory / name).unlink(missing_ok=True)


def find_bucket(name: str) -> Any:
    """Return moto's bucket, or None."""
    from moto.s3.models import s3_backends

    place = s3_backends.bucket_accounts.get(name)
    if place is None:
        return None
    partition, account = place
    return s3_backends[account][partition].buckets.get(name)


def find_versions(bucket: str, key: str) -> list[Any]:
    """Return what moto holds under a key, oldest version first; [] when there is nothing."""
    holder = find_bucket(bucket)
    return list(holder.keys.getlist(key, [])) if holder else []


def list_versions(bucket: str) -> list[tuple[str, list[Any]]]:
    """Return every key of a bucket with its versions."""
    holder = find_bucket(bucket)
    return list(holder.keys.lists()) if holder else []


def _file_of(version: Any) -> str | None:
    """Return the file of a body, "" for a delete marker, None for a body that is not on disk yet."""
    return "" if is_marker(version) else getattr(version, "local_file", None)
