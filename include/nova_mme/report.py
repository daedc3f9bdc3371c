"""A run's report: what became of every source it took up, as a summary, a table and a page to read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from nova_mme.outcome import Outcome
from nova_mme.source import S3Uri
from nova_mme.space import DIMENSIONS

# How many failures a summary names; the report file has them all. So many notes the page shows.
_NAMED = 20
_NOTES_SHOWN = 50


@dataclass(slots=True)
class Report:
    """Counts over a run's outcomes.

    :ivar plan: why sources were due, and why not (``unchanged``, ``dead_letter``, ``over_limit``).
    :ivar segments: embedding type -> segments stored.
    :ivar notes: outcomes that say something though nothing failed, such as a longer segment than was asked for.
    :ivar beside: what became of sources in the space that is being built, ``beside_space``: ``stored``, ``failed``,
        ``lost``. It does not count for the run: searches do not read that space, and the backfill makes it whole.
    :ivar job_seconds: how long the run's jobs took, added up; over ``seconds`` it is how many were in flight.
    :ivar max_jobs: how many may be in flight, all runs together.
    :ivar lost: sources of shards whose store task never ended: neither stored nor refused.
    """

    modality: str
    plan: dict[str, int]
    unknown: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    segments: Counter[str] = field(default_factory=Counter)
    failures: list[Outcome] = field(default_factory=list)
    notes: list[Outcome] = field(default_factory=list)
    lost: int = 0
    seconds: float = 0.0
    job_seconds: float = 0.0
    max_jobs: int = 0
    beside_space: str = ""
    beside: Counter[str] = field(default_factory=Counter)

    def add_beside(self, space: str, outcomes: Iterable[Outcome] | None, sources: int) -> None:
        """Count a shard of the space that is being built; None where its store task never ended."""
        self.beside_space = space
        self.beside.update(
            {"lost": sources} if outcomes is None else (outcome.status for outcome in outcomes)
        )

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Count a shard's outcomes."""
        for outcome in outcomes:
            self.statuses[outcome.status] += 1
            self.segments.update(outcome.segments)
            self.job_seconds += outcome.job_seconds
            if outcome.reason:
                self.failures.append(outcome)
            if outcome.note:
                self.notes.append(outcome)

    @property
    def sources(self) -> int:
        """How many sources were taken up."""
        return sum(self.statuses.values()) + self.lost

    @property
    def failed(self) -> int:
        """How many of them have no vectors."""
        return self.statuses["failed"] + self.lost

    @property
    def failed_fraction(self) -> float:
        """The share of ``failed`` in ``sources``; 0 when nothing was due."""
        return self.failed / self.sources if self.sources else 0.0

    @property
    def jobs_in_flight(self) -> float:
        """How many of the run's jobs were in flight on average, from its start to its report."""
        return self.job_seconds / self.seconds if self.seconds else 0.0

    def summarize(self, report_uri: str) -> dict[str, Any]:
        """A small document for XCom and asset events: counts, and the first failures by name."""
        segments = sum(self.segments.values())
        return {
            "modality": self.modality,
            "sources": self.sources,
            "unchanged": self.plan.get("unchanged", 0),
            "dead_letters": self.plan.get("dead_letter", 0),
            "over_limit": self.plan.get("over_limit", 0),
            "unsupported": self.plan.get("unsupported", 0),
            "stored": self.statuses["stored"] + self.statuses["partial"],
            "partial": self.statuses["partial"],
            "superseded": self.statuses["superseded"],
            "failed": self.failed,
            "lost": self.lost,
            "segments": segments,
            "vectors": {str(dimension): segments for dimension in DIMENSIONS},
            "notes": len(self.notes),
            "building": {"space": self.beside_space, **self.beside} if self.beside_space else None,
            "seconds": round(self.seconds, 1),
            "job_seconds": round(self.job_seconds, 1),
            "jobs_in_flight": round(self.jobs_in_flight, 2),
            "report_uri": report_uri,
            "failures": [_failure(outcome) for outcome in self.failures[:_NAMED]],
        }

    def render(self) -> str:
        """The report as Markdown."""
        return "\n".join([f"# Embedding run: {self.modality}", "", *self.render_body(), ""])

    def render_body(self) -> list[str]:
        """The report as lines of Markdown, without a heading."""
        return [*self._facts(), *self._failure_lines(), *self._note_lines()]

    def _facts(self) -> list[str]:
        due = ", ".join(f"{count} {why.replace('_', ' ')}" for why, count in sorted(self.plan.items()))
        kinds = ", ".join(f"{count} {name}" for name, count in sorted(self.segments.items()))
        lines = [
            f"* planned: {due or 'nothing found'}",
            f"* taken up: {self.sources}; " + ", ".join(f"{n} {s}" for s, n in sorted(self.statuses.items())),
            f"* segments in each of the four indexes: {sum(self.segments.values())} ({kinds or 'none'})",
            f"* {self.seconds:.0f} s; jobs in flight on average: {self.jobs_in_flight:.1f} of {self.max_jobs} allowed",
        ]
        if self.beside_space:
            told = ", ".join(f"{count} {status}" for status, count in sorted(self.beside.items()))
            lines.append(f"* also embedded into the space {self.beside_space}, which is being built: {told}")
        if dead := self.plan.get("dead_letter"):
            lines.append(f"* {dead} dead letters of earlier runs were left alone; `retry_failed` takes them.")
        if self.lost:
            lines.append(
                f"* **{self.lost} sources unaccounted for**: their store task did not end; run again."
            )
        if self.unknown:
            lines.append(f"* left out, of no supported type: {', '.join(map(_code, self.unknown))}")
        return lines

    def _failure_lines(self) -> list[str]:
        if not self.failures:
            return []
        head = ["", "| source | reason | what happened | what to do |", "|---|---|---|---|"]
        rows = (
            (_code(item.source), item.reason, _cell(item.message), _cell(item.next_step))
            for item in self.failures
        )
        return head + [f"| {' | '.join(row)} |" for row in rows]

    def _note_lines(self) -> list[str]:
        if not self.notes:
            return []
        rows = (f"| {_code(item.source)} | {_cell(item.note)} |" for item in self.notes[:_NOTES_SHOWN])
        more = len(self.notes) - _NOTES_SHOWN
        return ["", "| source | good to know |", "|---|---|", *rows] + (
            [f"\n{more} more are in report.json."] if more > 0 else []
        )

    def write(self, s3: Any, folder: S3Uri) -> str:
        """Keep ``report.json`` (all of it) and ``report.md`` (to read) in the run's folder; returns the latter."""
        self._keep(s3, folder.join("report.json"), orjson.dumps(self._document()), "application/json")
        page = folder.join("report.md")
        self._keep(s3, page, self.render().encode(), "text/markdown; charset=utf-8")
        return str(page)

    def _document(self) -> dict[str, Any]:
        return {
            "modality": self.modality,
            "plan": self.plan,
            "unknown": self.unknown,
            "statuses": dict(self.statuses),
            "building": {self.beside_space: dict(self.beside)} if self.beside_space else {},
            "segments": dict(self.segments),
            "lost": self.lost,
            "seconds": self.seconds,
            "job_seconds": self.job_seconds,
            "notes": [{"source": outcome.source, "note": outcome.note} for outcome in self.notes],
            "failures": [asdict(outcome) for outcome in self.failures],
        }

    @staticmethod
    def _keep(s3: Any, place: S3Uri, body: bytes, content_type: str) -> None:
        s3.put_object(Bucket=place.bucket, Key=place.key, Body=body, ContentType=content_type)


def write_plan(s3: Any, folder: S3Uri, counts: Mapping[str, int], unknown: list[str]) -> None:
    """Keep what planning counted, for the report."""
    place = folder.join("plan.json")
    body = orjson.dumps({"counts": counts, "unknown": unknown})
    s3.put_object(Bucket=place.bucket, Key=place.key, Body=body, ContentType="application/json")


def read_plan(s3: Any, folder: S3Uri) -> dict[str, Any]:
    """What :func:`write_plan` kept: ``{"counts", "unknown"}``."""
    place = folder.join("plan.json")
    document: dict[str, Any] = orjson.loads(s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read())
    return document


def _failure(outcome: Outcome) -> dict[str, str]:
    return {
        "source": outcome.source,
        "reason": outcome.reason,
        "message": outcome.message[:300],
        "next_step": outcome.next_step,
    }


def _code(text: str) -> str:
    # In a code span only the pipe means something to a table, and only a backslash takes that away.
    plain = _one_line(text).replace("`", "\u2019")
    return "`" + re.sub(r"([\\|])", r"\\\1", plain) + "`"


def _cell(text: str) -> str:
    # Names of files are untrusted, and Bedrock's sentences quote them: no markup, no row or heading of their own.
    return re.sub(r"([\\|`\[\]])", r"\\\1", _one_line(text)).replace("<", "&lt;")


def _one_line(text: str) -> str:
    return re.sub("[\x00-\x1f\x7f\u2028\u2029]+", " ", text)
