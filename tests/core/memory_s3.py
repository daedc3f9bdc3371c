"""An S3 of one object in memory, for what would be slow over HTTP: thousands of damaged files, and huge ones."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ResponseStreamingError

from nova_mme.errors import BadSource, Reason
from nova_mme.modality import Modality
from nova_mme.preflight.content import Inspection, inspect
from nova_mme.recipe import Recipe
from nova_mme.source import Source


@dataclass
class MemoryS3:
    """Answers ranged GETs of one object whose bytes are the parts, each at its place, and zeros between them.

    :ivar ranges: (first byte, bytes asked for) of each GET.
    :ivar breaks: so many bodies break while they are read.
    :ivar second: what the second GET raises.
    """

    parts: dict[int, bytes]
    size: int
    breaks: int = 0
    ranges: list[tuple[int, int]] = field(default_factory=list)
    second: BaseException | None = None

    @classmethod
    def of(cls, body: bytes) -> MemoryS3:
        """An object of these bytes."""
        return cls({0: body}, len(body))

    def get_object(self, *, Range: str, IfMatch: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """A ranged GET as boto3's."""
        first, last = (int(part) for part in Range.removeprefix("bytes=").split("-"))
        if IfMatch != '"v1"':
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "GetObject")
        self.ranges.append((first, last + 1 - first))
        if self.second and len(self.ranges) == 2:
            raise self.second
        if self.breaks:
            self.breaks -= 1
            return {"Body": _BrokenBody()}
        return {"Body": io.BytesIO(self._read(first, min(last + 1, self.size))), "ContentType": "x/y"}

    def _read(self, first: int, end: int) -> bytes:
        data = bytearray(end - first)
        for place, part in self.parts.items():
            begin, stop = max(first, place), min(end, place + len(part))
            if begin < stop:
                data[begin - first : stop - first] = part[begin - place : stop - place]
        return bytes(data)

    def source(self, name: str) -> Source:
        """The object as the listing shows it."""
        return Source(f"s3://media/{name}", "v1", self.size, 0)

    def inspect(self, name: str, recipe: Recipe | None = None) -> Inspection:
        """Inspect the object under a name."""
        modality = Modality.of_name(name) or Modality.TEXT
        return inspect(self, self.source(name), recipe or Recipe.standard(modality))

    def refusal(self, name: str, recipe: Recipe | None = None) -> BadSource | None:
        """Why it is refused; None when it is not."""
        try:
            self.inspect(name, recipe)
        except BadSource as bad:
            return bad
        return None

    def reason(self, name: str, recipe: Recipe | None = None) -> Reason | None:
        """The class of why it is refused; None when it is not."""
        bad = self.refusal(name, recipe)
        return bad.reason if bad else None


class _BrokenBody:
    def read(self) -> bytes:
        raise ResponseStreamingError(error="connection reset")
