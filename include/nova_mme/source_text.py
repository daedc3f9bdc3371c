"""Read the text of segments from the source, once and forward, so that a hit can show what it says."""

from __future__ import annotations

import codecs
import io
from typing import Any

from botocore.exceptions import ClientError

from nova_mme.source import S3Uri


class SourceText:
    """The characters of a text object, as a window that only moves forward.

    Memory is that of the longest segment, whatever the file's size. When the object was changed or deleted
    since it was listed, every segment reads as empty: text of another version would be a lie.

    :param etag: the version that the model was given; empty where a place never holds another one.
    :param owner: the account id that must own the bucket.
    """

    def __init__(self, s3: Any, place: S3Uri, etag: str = "", *, owner: str | None = None) -> None:
        self._position = 0
        request = {"Bucket": place.bucket, "Key": place.key}
        if etag:
            request["IfMatch"] = f'"{etag}"'
        if owner:
            request["ExpectedBucketOwner"] = owner
        try:
            body = s3.get_object(**request)["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "412", "NoSuchKey", "404"):
                raise
            body = io.BytesIO()
        bytes_read = io.BufferedReader(body, 1 << 16)
        marked = bytes_read.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        self._stream = io.TextIOWrapper(
            bytes_read, encoding="utf-16" if marked else "utf-8", errors="replace", newline=""
        )

    def read(self, start: int | None, end: int | None) -> str:
        """The characters ``start`` (inclusive) to ``end`` (exclusive); empty when they lie behind."""
        if start is None or end is None or start < self._position or end <= start:
            return ""
        self._stream.read(start - self._position)
        self._position = end
        return self._stream.read(end - start)
