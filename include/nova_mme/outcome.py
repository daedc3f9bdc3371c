"""What became of one source in one run, as the report tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from nova_mme.errors import Reason
from nova_mme.source import S3Uri


@dataclass(frozen=True, slots=True)
class Outcome:
    """One source's end.

    :ivar status: ``stored``, ``partial``, ``failed``, ``superseded`` (a newer version is on its way), or ``left``
        (for want of money; a later run takes it up).
    :ivar segments: embedding type -> segments stored.
    :ivar failed_segments: segments without vectors; their reason and message stand for the first of them.
    :ivar note: what a person should know though nothing failed.
    :ivar job_seconds: how long its jobs took, added up, as Bedrock says; 0 when it does not.
    """

    source: str
    status: str
    segments: Mapping[str, int] = field(default_factory=dict)
    failed_segments: int = 0
    reason: str = ""
    message: str = ""
    invocation_arn: str = ""
    note: str = ""
    job_seconds: float = 0.0

    @classmethod
    def of_failure(cls, source: str, reason: Reason, message: str, invocation_arn: str = "") -> Outcome:
        """A source that has no vectors."""
        return cls(source, "failed", {}, 0, reason.value, message, invocation_arn)

    @property
    def next_step(self) -> str:
        """What a person does about it; empty when all is well."""
        return Reason(self.reason).next_step if self.reason else ""


def write_outcomes(s3: Any, manifest: str, outcomes: Iterable[Outcome]) -> None:
    """Keep a shard's outcomes beside its manifest."""
    place = result_place(manifest)
    body = orjson.dumps([asdict(outcome) for outcome in outcomes])
    s3.put_object(Bucket=place.bucket, Key=place.key, Body=body, ContentType="application/json")


def read_outcomes(s3: Any, manifest: str) -> list[Outcome] | None:
    """A shard's outcomes; None when its store task never came so far."""
    place = result_place(manifest)
    try:
        body = s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return [Outcome(**item) for item in orjson.loads(body)]


def result_place(manifest: str) -> S3Uri:
    """``.../shard-0003.json`` -> ``.../shard-0003.result.json``."""
    return S3Uri.parse(manifest.removesuffix(".json") + ".result.json")
