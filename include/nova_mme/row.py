"""One row of the ledger: how far one source is in one space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nova_mme.errors import Reason
from nova_mme.recipe import Recipe
from nova_mme.source import Source

REACHED = "reached_"


class Status(StrEnum):
    """How far a source is in a space."""

    SUBMITTED = "submitted"  # its jobs were started; their ARNs are in the row
    STORED = "stored"  # every segment is in all four indexes
    PARTIAL = "partial"  # stored, but for the segments that the model failed
    FAILED = "failed"  # a dead letter, unless its reason is retryable


@dataclass(frozen=True, slots=True)
class Row:
    """One ledger item.

    :ivar size: of the object, in bytes; ``modified``: epoch seconds.
    :ivar attempt: which paid attempt at this etag and recipe the row is about; 1 is the first.
    :ivar run: "<DAG id>/<run id>" of the run that started the jobs.
    :ivar invocation_arns: one per rendition (a document's pages have one each, others just one); empty where
        a page could not be rendered.
    :ivar segment: the segment length that the model was asked for, when it is not the recipe's.
    :ivar note: what a person should know though nothing failed.
    :ivar segments: embedding type -> how far the stored segments reach (an earlier version's until replaced).
    :ivar counts: embedding type -> how many of them there are.
    :ivar reached: embedding type -> how far any try to store has ever reached: below it, vectors may exist.
    :ivar disturbed: how often vectors of another version were put over, or among, this one's.
    :ivar updated: epoch seconds of the last change.
    """

    object_id: str
    space: str
    uri: str
    etag: str
    recipe: str
    status: Status
    modality: str = ""
    attempt: int = 1
    run: str = ""
    reason: Reason | None = None
    message: str = ""
    invocation_arns: tuple[str, ...] = ()
    media_format: str = ""
    content_type: str = ""
    segment: int | None = None
    note: str = ""
    segments: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    reached: Mapping[str, int] = field(default_factory=dict)
    failed_segments: int = 0
    disturbed: int = 0
    updated: int = 0
    size: int = 0
    modified: int = 0

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> Row:
        """A row from a DynamoDB item."""
        reason, segment = item.get("reason"), item.get("segment")
        return cls(
            object_id=item["object_id"],
            space=item["space"],
            uri=item["uri"],
            etag=item["etag"],
            recipe=item["recipe"],
            status=Status(item["status"]),
            modality=item.get("modality", ""),
            attempt=int(item.get("attempt", 1)),
            run=item.get("run", ""),
            reason=Reason(reason) if reason else None,
            message=item.get("message", ""),
            invocation_arns=unpack_arns(item),
            media_format=item.get("media_format", ""),
            content_type=item.get("content_type", ""),
            segment=None if segment is None else int(segment),
            note=item.get("note", ""),
            segments=_numbers(item.get("segments", {})),
            counts=_numbers(item.get("counts", {})),
            reached=_numbers({k.removeprefix(REACHED): v for k, v in item.items() if k.startswith(REACHED)}),
            failed_segments=int(item.get("failed_segments", 0)),
            disturbed=int(item.get("disturbed", 0)),
            updated=int(item.get("updated", 0)),
            size=int(item.get("size", 0)),
            modified=int(item.get("modified", 0)),
        )

    @property
    def invocation_arn(self) -> str:
        """The first of the jobs; empty when there is none."""
        return next(filter(None, self.invocation_arns), "")

    @property
    def source(self) -> Source:
        """The version of the object that the row is about."""
        return Source(self.uri, self.etag, self.size, self.modified)

    @property
    def version(self) -> str:
        """What the row is about, to be compared only."""
        return f"{self.etag}/{self.recipe}"

    def is_about(self, source: Source, recipe: Recipe) -> bool:
        """Whether the row tells of this very content, embedded with this very recipe."""
        return self.etag == source.etag and self.recipe == recipe.fingerprint


def _numbers(attribute: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(value) for name, value in attribute.items()}


def pack_arns(arns: Sequence[str]) -> dict[str, Any]:
    """The attributes that keep ARNs: the first one whole, and of several the ids alone.

    A thousand pages' ARNs would be 80 KB, and DynamoDB bills each write of an item by its size.
    """
    first = next(filter(None, arns), "")
    ids = ",".join(arn.rpartition("/")[2] for arn in arns) if len(arns) > 1 else None
    return {"invocation_arn": first, "invocations": ids}


def unpack_arns(item: Mapping[str, Any]) -> tuple[str, ...]:
    """What :func:`pack_arns` has packed."""
    first = item.get("invocation_arn", "")
    stem = first.rpartition("/")[0]
    if not (ids := item.get("invocations")):
        return (first,) if first else ()
    return tuple(f"{stem}/{name}" if name else "" for name in ids.split(","))
