"""Searches as a file of JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import orjson
from botocore.exceptions import ClientError

from nova_mme.errors import BadSetting
from nova_mme.search.request import Request
from nova_mme.search.request_document import read_request
from nova_mme.source import S3Uri

MAX_QUERIES = 1000
# A thousand texts of 8,192 characters, four bytes each, with room for the JSON around them.
_MAX_FILE_BYTES = 64 * 1024 * 1024
_LINE = ("text", "source", "modality", "condition", "top_k")

T = TypeVar("T")


def read_requests(s3: Any, uri: str, shared: Mapping[str, Any]) -> list[Request]:
    """The searches of a file of JSON lines: ``{"text": "..."}`` or ``{"source": "s3://bucket/key"}`` each.

    A line may have its own ``modality``, ``condition`` and ``top_k``, which then count instead of the shared ones.
    A source is one that is stored.

    :param shared: of :func:`~nova_mme.search.request_document.read_request`, for all lines.
    :raises BadSetting: as :func:`read_lines` does.
    """

    def read(line: bytes) -> Request:
        item = parse_object(line)
        if unknown := sorted(set(item) - set(_LINE)):
            raise BadSetting(f"There is no {unknown[0]!r}; a line can have {', '.join(_LINE)}.")
        return read_request({**shared, **{name: value for name, value in item.items() if value is not None}})

    return read_lines(s3, uri, read, "query file")


def read_lines(s3: Any, uri: str, read: Callable[[bytes], T], kind: str) -> list[T]:
    """The queries of a file, one a line; empty lines are passed over, and so is a byte order mark.

    :param read: makes a query of a line.
    :param kind: what the messages call the file.
    :raises BadSetting: naming the first line that ``read`` raises it for, or a file that is not there, empty, or of
        over 1,000 queries.
    """
    body = open_object(s3, S3Uri.parse(uri), _MAX_FILE_BYTES)
    queries: list[T] = []
    for number, line in enumerate(body.iter_lines(), 1):
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not text.strip():
            continue
        try:
            queries.append(read(text))
        except BadSetting as error:
            raise BadSetting(f"Line {number} of the {kind} {uri}: {error}") from error
        if len(queries) > MAX_QUERIES:
            raise BadSetting(f"The {kind} {uri} has over {MAX_QUERIES:,} queries; give it fewer.")
    if not queries:
        raise BadSetting(f"The {kind} {uri} holds no query. Fill it, or leave it out.")
    return queries


def parse_object(line: bytes) -> dict[str, Any]:
    """A line's JSON object.

    :raises BadSetting: for anything else.
    """
    try:
        item = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadSetting(f"It is not JSON ({error}).") from error
    if not isinstance(item, dict):
        raise BadSetting('It must be an object such as {"text": "..."} or {"source": "s3://bucket/key"}.')
    return item


def open_object(s3: Any, place: S3Uri, most: int | None) -> Any:
    """The body of an object that a person has named.

    :param most: bytes; None for any size.
    :raises BadSetting: when it is not there, or larger.
    :raises ClientError: what S3 answers otherwise.
    """
    try:
        answer = s3.get_object(Bucket=place.bucket, Key=place.key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        raise BadSetting(f"There is no object {place}; upload it, or name another.") from error
    if most is not None and answer["ContentLength"] > most:
        answer["Body"].close()
        raise BadSetting(f"{place} has {answer['ContentLength']:,} bytes; at most {most:,} are read of it.")
    return answer["Body"]
