"""The async invocations, in SQLite: written through, so that a restart forgets none and starts none twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from nova_mme_local.database import Database

IN_PROGRESS, COMPLETED, FAILED = "InProgress", "Completed", "Failed"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS async_jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    arn TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    token TEXT,
    fingerprint TEXT NOT NULL,
    request BLOB NOT NULL,
    status TEXT NOT NULL,
    submitted REAL NOT NULL,
    due REAL NOT NULL,
    modified REAL NOT NULL,
    failure TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS async_jobs_by_token ON async_jobs (region, token);
CREATE INDEX IF NOT EXISTS async_jobs_by_status ON async_jobs (status);
"""
_COLUMNS = "number, arn, region, token, fingerprint, request, status, submitted, due, modified, failure"


@dataclass(frozen=True, slots=True)
class Job:
    """One async invocation.

    :ivar number: order of submission; 0 before the job is stored.
    :ivar token: the caller's clientRequestToken; `fingerprint` is the hash of the rest of the request.
    :ivar request: the parameters of StartAsyncInvoke.
    :ivar due: when the job ends at the earliest; like all times, epoch seconds.
    """

    arn: str
    region: str
    token: str | None
    fingerprint: str
    request: Mapping[str, Any]
    submitted: float
    due: float
    modified: float
    status: str = IN_PROGRESS
    failure: str | None = None
    number: int = 0

    @property
    def invocation_id(self) -> str:
        """The last element of the ARN: 12 letters and digits."""
        return self.arn.rsplit("/", 1)[-1]

    @property
    def output_uri(self) -> str:
        """Where the output goes: the requested s3Uri and the invocation id."""
        return f"{self.output_config['s3Uri'].rstrip('/')}/{self.invocation_id}"

    @property
    def output_config(self) -> Mapping[str, Any]:
        """The request's s3OutputDataConfig."""
        return self.request["outputDataConfig"]["s3OutputDataConfig"]  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What ListAsyncInvokes asks for; None where it does not matter. `after` and `before` are exclusive."""

    region: str
    status: str | None = None
    after: float | None = None
    before: float | None = None
    ascending: bool = False
    beyond: int | None = None  # the number of the last job of the page before


class Jobs:
    """All jobs, on disk or (path None) in memory; thread-safe."""

    def __init__(self, path: Path | None) -> None:
        self._database = Database(path, _SCHEMA)

    def add(self, job: Job) -> Job:
        """Store a new job and return it with its number."""
        row = (
            *(job.arn, job.region, job.token, job.fingerprint, orjson.dumps(job.request)),
            *(job.status, job.submitted, job.due, job.modified, job.failure),
        )
        with self._database.write() as connection:
            marks = ", ".join("?" * len(row))
            cursor = connection.execute(f"INSERT INTO async_jobs VALUES (NULL, {marks})", row)
        return replace(job, number=int(cursor.lastrowid or 0))

    def find(self, arn: str) -> Job | None:
        """Return the job of an ARN."""
        return next(iter(self._select("arn = ?", arn)), None)

    def find_by_token(self, region: str, token: str) -> Job | None:
        """Return the job that a clientRequestToken started."""
        return next(iter(self._select("region = ? AND token = ?", region, token)), None)

    def finish(self, job: Job, *, failure: str | None, now: float) -> None:
        """Put a job that is in progress into its final status; a job that was forgotten stays so."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE async_jobs SET status = ?, failure = ?, modified = ? WHERE arn = ? AND status = ?",
                (COMPLETED if failure is None else FAILED, failure, now, job.arn, IN_PROGRESS),
            )

    def list_unfinished(self) -> list[Job]:
        """Return the jobs in progress, oldest first."""
        return self._select("status = ? ORDER BY number", IN_PROGRESS)

    def count_unfinished(self) -> int:
        """Return the number of jobs in progress."""
        query = "SELECT COUNT(*) FROM async_jobs WHERE status = ?"
        return int(self._database.read(query, (IN_PROGRESS,))[0][0])

    def sum_seconds(self, now: float) -> float:
        """Return the seconds that all jobs have been in flight up to now, added up: jobs in flight over time."""
        query = (
            "SELECT TOTAL(MAX(0, CASE status WHEN ? THEN ? ELSE modified END - submitted)) FROM async_jobs"
        )
        return float(self._database.read(query, (IN_PROGRESS, now))[0][0])

    def page(self, wanted: Wanted, limit: int) -> list[Job]:
        """Return at most `limit` jobs in order of submission."""
        conditions = {
            "region = ?": wanted.region,
            "status = ?": wanted.status,
            "submitted > ?": wanted.after,
            "submitted < ?": wanted.before,
            f"number {'>' if wanted.ascending else '<'} ?": wanted.beyond,
        }
        asked = {text: value for text, value in conditions.items() if value is not None}
        order = "ASC" if wanted.ascending else "DESC"
        return self._select(f"{' AND '.join(asked)} ORDER BY number {order} LIMIT ?", *asked.values(), limit)

    def clear(self) -> None:
        """Forget all jobs and tokens."""
        self._database.clear("async_jobs")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _select(self, condition: str, *values: Any) -> list[Job]:
        rows = self._database.read(f"SELECT {_COLUMNS} FROM async_jobs WHERE {condition}", values)
        names = _COLUMNS.split(", ")
        return [_read_row(dict(zip(names, row, strict=True))) for row in rows]


def _read_row(row: dict[str, Any]) -> Job:
    return Job(**{**row, "request": orjson.loads(row["request"])})
