"""One S3 object to embed: where it is, which version of it, and the name it keeps for ever."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from nova_mme.errors import BadSetting

_SLUG_LENGTH = 40
_URI = re.compile(r"s3://([a-z0-9][a-z0-9.\-]{1,61}[a-z0-9])(?:/(.*))?", re.DOTALL)


class Identified(Protocol):
    """Whatever is about one source: the source itself, its ledger row, one of its vectors' keys."""

    @property
    def object_id(self) -> str:
        """See :func:`object_id`."""


@dataclass(frozen=True, slots=True)
class S3Uri:
    """``s3://bucket/key``; the key may be empty, or a prefix."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> S3Uri:
        """Read ``s3://bucket/key``.

        :raises BadSetting: when it is anything else.
        """
        match = _URI.fullmatch(text)
        if match is None:
            raise BadSetting(f"{text!r} is not an S3 URI; write it as s3://bucket/prefix.")
        return cls(match[1], match[2] or "")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def contains(self, other: S3Uri) -> bool:
        """Whether the other place is this one or lies below it, both taken as folders."""
        folder = f"{self.key.rstrip('/')}/" if self.key.rstrip("/") else ""
        return self.bucket == other.bucket and f"{other.key.rstrip('/')}/".startswith(folder)

    def join(self, *parts: str) -> S3Uri:
        """This URI as a folder, and a path below it."""
        return S3Uri(self.bucket, "/".join(part for part in (self.key.rstrip("/"), *parts) if part))


@dataclass(frozen=True, slots=True)
class Source:
    """One version of one S3 object.

    :ivar etag: S3's entity tag without quotes; it changes when the content does.
    :ivar size: bytes.
    :ivar modified: last modified, epoch seconds.
    """

    uri: str
    etag: str
    size: int
    modified: int

    @property
    def location(self) -> S3Uri:
        """Bucket and key."""
        return S3Uri.parse(self.uri)

    @property
    def name(self) -> str:
        """The file name: the last element of the key."""
        return self.uri.rsplit("/", 1)[-1]

    @property
    def object_id(self) -> str:
        """The stable id: see :func:`object_id`."""
        return object_id(self.uri)


def object_id(uri: str) -> str:
    """A readable, stable id of a source: slug of the file name + 16 hex digits of sha256(uri).

    No timestamp and no content in it: the same place keeps its id whatever is uploaded there, and two
    files of one name in two folders get two ids.
    """
    digest = hashlib.sha256(uri.encode()).hexdigest()[:16]
    return f"{_slug(uri.rsplit('/', 1)[-1])}-{digest}"


def _slug(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:_SLUG_LENGTH].strip("-") or "object"


def list_sources(
    s3: Any, root: str, prefix: str = "", *, leave_out: str = "", owner: str | None = None
) -> Iterator[Source]:
    """Every object below ``root`` + ``prefix``, in key order, as S3 lists them (streamed).

    :param leave_out: a place whose objects are passed over: a run's output may lie below its sources.
    :param owner: the expected account id of the bucket's owner; S3 refuses the call when it is another.
    """
    place = S3Uri.parse(root)
    base = place.key if not place.key or place.key.endswith("/") else f"{place.key}/"
    request = {"Bucket": place.bucket, "Prefix": base + prefix.lstrip("/")}
    if owner:
        request["ExpectedBucketOwner"] = owner
    outside = S3Uri.parse(leave_out) if leave_out else None
    for page in s3.get_paginator("list_objects_v2").paginate(**request):
        for item in page.get("Contents", ()):
            key = item["Key"]
            if key.endswith("/") and item["Size"] == 0:  # a console's "folder" is no file
                continue
            if outside is None or not outside.contains(S3Uri(place.bucket, key)):
                yield source_of(place.bucket, key, item)


def source_of(bucket: str, key: str, answer: dict[str, Any]) -> Source:
    """A source from an item of ListObjectsV2, or from an answer of HeadObject."""
    size = answer["Size"] if "Size" in answer else answer["ContentLength"]
    etag = answer["ETag"].strip('"')
    return Source(f"s3://{bucket}/{key}", etag, size, int(answer["LastModified"].timestamp()))
