"""Reads parts of one version of an S3 object as if it were a file, so that a film is judged by a few ranged GETs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from nova_mme.errors import BadSource, Reason
from nova_mme.source import Source

# The first GET of every object. Most texts and pictures, and the headers of nearly all recordings, fit in it.
HEAD_BYTES = 256 * 1024

# Enough for the index of a film of two hours: about 25 bytes a frame, picture and sound, make up to 12 MB.
MOST_BYTES = 16 * 1024 * 1024
MOST_SECONDS = 60.0

_LARGEST_FETCH = 4 * 1024 * 1024
_GRAIN = 64 * 1024
_TRIES = 3


class OverBudget(Exception):
    """Looking at the object any longer would cost more than it is worth."""


class ObjectFile:
    """One version of an S3 object as a read-only file that keeps what it has read.

    What is asked for is fetched with its neighbourhood, at least 64 KiB aligned and 256 KiB long; who reads on
    from where the last GET ended gets twice as much each time, up to 4 MiB. Memory is bounded by ``most_bytes``.

    :ivar source: the object; its etag is asked for in every GET.
    :ivar content_type: what S3 says of it; empty before the first GET.
    """

    def __init__(
        self,
        s3: Any,
        source: Source,
        *,
        owner: str | None = None,
        most_bytes: int = MOST_BYTES,
        most_seconds: float = MOST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source, self.content_type = source, ""
        self._s3, self._owner, self._clock = s3, owner, clock
        self._left, self._until = most_bytes, clock() + most_seconds
        self._spans: list[tuple[int, bytes]] = []
        self._length = HEAD_BYTES

    @property
    def size(self) -> int:
        """Bytes of the whole object."""
        return self.source.size

    def head(self) -> bytes:
        """The first 256 KiB, or all that there is."""
        return self.read_at(0, HEAD_BYTES)

    def read_at(self, start: int, length: int) -> bytes:
        """The bytes from ``start`` on; fewer than ``length`` only at the end of the object.

        :raises OverBudget: when that would be more bytes in all, or take more time, than allowed.
        :raises BadSource: the object was changed or deleted, or may not be read.
        :raises ClientError: throttles and faults of S3.
        """
        found, end = bytearray(), min(start + length, self.size)
        while start < end:
            piece = self.read_some(start, end - start)
            found += piece
            start += len(piece)
        return bytes(found)

    def read_some(self, start: int, length: int) -> bytes:
        """Like :meth:`read_at`, but what one GET has brought is enough; empty at the end of the object only."""
        if start >= self.size or length <= 0:
            return b""
        if self._clock() > self._until:
            raise OverBudget(f"{self.source.uri}: it takes too long.")
        first, held = self._find(start) or self._fetch(start)
        return held[start - first : start - first + length]

    def read_through(self) -> Iterator[bytes]:
        """The whole object, in pieces of 4 MiB that are not kept: for what only a full reading can tell."""
        for start in range(0, self.size, _LARGEST_FETCH):
            length = min(_LARGEST_FETCH, self.size - start)
            yield read_range(self._s3, self.source, start, length, owner=self._owner)[0]

    def _find(self, place: int) -> tuple[int, bytes] | None:
        return next((span for span in self._spans if span[0] <= place < span[0] + len(span[1])), None)

    def _fetch(self, place: int) -> tuple[int, bytes]:
        """Get the span around a place that no span holds yet, up to the next one that is held."""
        reads_on = bool(self._spans) and place == self._spans[-1][0] + len(self._spans[-1][1])
        self._length = min(2 * self._length, _LARGEST_FETCH) if reads_on else HEAD_BYTES
        start = place // _GRAIN * _GRAIN  # where no span is: all of them begin and end at such places
        stop = min([start + self._length, self.size, *(first for first, _ in self._spans if first > place)])
        if stop - start > self._left:
            raise OverBudget(f"{self.source.uri}: too much of it would have to be read.")
        self._left -= stop - start
        held, self.content_type = read_range(self._s3, self.source, start, stop - start, owner=self._owner)
        if not held:  # S3 answers a good range with its bytes, or not at all
            raise BadSource(self.source.uri, Reason.CHANGED, "The object is shorter than it was when listed.")
        self._spans.append((start, held))
        return start, held


def read_range(
    s3: Any, source: Source, start: int, length: int, *, owner: str | None = None
) -> tuple[bytes, str]:
    """One ranged GET of the version that was listed: (bytes, content type).

    botocore tries a call again, but not the reading of its body: that is done here, three times in all.

    :raises BadSource: the object was changed or deleted, or may not be read.
    :raises ClientError: throttles and faults of S3; BotoCoreError when the connection keeps breaking.
    """
    place = source.location
    request = {
        "Bucket": place.bucket,
        "Key": place.key,
        "Range": f"bytes={start}-{start + length - 1}",
        "IfMatch": f'"{source.etag}"',
    }
    if owner:
        request["ExpectedBucketOwner"] = owner
    for tries_left in reversed(range(_TRIES)):
        try:
            answer = s3.get_object(**request)
        except ClientError as error:
            raise unreadable(source.uri, error) from error
        try:
            return answer["Body"].read(), answer.get("ContentType", "")
        except BotoCoreError:
            if not tries_left:
                raise
    raise AssertionError("the loop returns or raises")


def unreadable(uri: str, error: ClientError) -> BadSource:
    """What S3's refusal means for the source; throttles and faults are raised again, for the task to retry."""
    code = error.response["Error"]["Code"]
    if code in ("PreconditionFailed", "412"):
        return BadSource(uri, Reason.CHANGED, "The object was changed since it was listed.")
    if code in ("NoSuchKey", "NoSuchBucket", "404", "NotFound"):
        return BadSource(uri, Reason.MISSING, "The object is not there (any more).")
    if code in ("AccessDenied", "403", "Forbidden", "InvalidObjectState") or code.startswith("KMS"):
        return BadSource(uri, Reason.UNREADABLE, f"S3 would not hand it out: {code}.")
    if code == "InvalidRange":
        return BadSource(uri, Reason.EMPTY, "The file is empty (0 bytes).")
    raise error
