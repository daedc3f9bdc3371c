"""The metadata document that goes with every vector, and its size limits.

Limits: Amazon S3 user guide, "S3 Vectors limitations and restrictions": 40 KB in all, 2 KB of it filterable,
50 keys. Every key is filterable unless its index was created with it as a non-filterable one.
"""

from __future__ import annotations

from typing import Any

import orjson

from nova_mme.errors import BadSetting
from nova_mme.recipe import Recipe
from nova_mme.segment import Segment
from nova_mme.source import Source
from nova_mme.space import Space

# Long or free text belongs here: filterable bytes are limited to 2 KB, and are billed on each query.
NON_FILTERABLE_KEYS = frozenset({"sourceS3Uri", "fileName", "text", "etag"})

# A key is at most 1,024 bytes and so is its file name; this leaves the text most of the 40 KB, and a put
# of 250 vectors with full texts stays below its 20 MiB.
TEXT_BYTES = 16 * 1024

MAX_BYTES = 40 * 1024
MAX_FILTERABLE_BYTES = 2 * 1024

# ',"embeddingDimension":3072'
_DIMENSION_BYTES = 26

# JSON writes a control character as six.
_ESCAPE = 6


def describe_source(
    source: Source,
    recipe: Recipe,
    space: Space,
    *,
    media_format: str,
    content_type: str,
    processed: int,
) -> dict[str, Any]:
    """The part that all segments of a source share.

    :param processed: epoch seconds.
    """
    return {
        "objectId": source.object_id,
        "modalityType": recipe.modality.value,
        "fileType": media_format,
        "contentType": content_type[:256],
        "fileSize": source.size,
        "uploadTimestamp": source.modified,
        "processingTimestamp": processed,
        "space": space.name,
        "recipe": recipe.fingerprint,
        "sourceS3Uri": source.uri,
        "fileName": source.name,
        "etag": source.etag,
    }


def describe_segment(shared: dict[str, Any], segment: Segment, text: str = "") -> dict[str, Any]:
    """A segment's whole document, without the dimension; S3 Vectors takes no null, so what is not known is absent.

    :param text: what the segment says, cut to 16 KiB.
    """
    document = {
        **shared,
        "embeddingType": segment.embedding_type,
        "segmentIndex": segment.index,
        "segmentStartSeconds": segment.start_seconds,
        "segmentEndSeconds": segment.end_seconds,
        "segmentStartCharPosition": segment.start_character,
        "segmentEndCharPosition": segment.end_character,
        "pageNumber": None if segment.page is None else segment.page + 1,
        "text": cut_text(text, TEXT_BYTES) or None,
    }
    return {key: value for key, value in document.items() if value is not None}


def encode_document(document: dict[str, Any]) -> bytes:
    """The JSON of a document, without the dimension; a text that takes too much of it is cut once more.

    :raises BadSetting: when S3 Vectors would refuse it for its size, or when it cannot be written as JSON.
    """
    body = _dump(document)
    if len(body) > MAX_BYTES - _DIMENSION_BYTES and "text" in document:
        body = _dump({**document, "text": cut_text(document["text"], TEXT_BYTES // _ESCAPE)})
    if len(body) > MAX_BYTES - _DIMENSION_BYTES:
        raise BadSetting(f"Its metadata takes {len(body):,} bytes; S3 Vectors takes {MAX_BYTES:,}.")
    if len(body) > MAX_FILTERABLE_BYTES - _DIMENSION_BYTES:
        filterable = {name: value for name, value in document.items() if name not in NON_FILTERABLE_KEYS}
        size = len(_dump(filterable)) + _DIMENSION_BYTES
        if size > MAX_FILTERABLE_BYTES:
            raise BadSetting(
                f"Its filterable metadata takes {size:,} bytes; S3 Vectors takes {MAX_FILTERABLE_BYTES:,}."
            )
    return body


def _dump(document: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError as error:
        raise BadSetting(f"Its metadata cannot be written as JSON: {error}.") from error


def add_dimension(body: bytes, dimension: int) -> orjson.Fragment:
    """An encoded document with the dimension of the index that it goes into."""
    return orjson.Fragment(b'%b,"embeddingDimension":%d}' % (body[:-1], dimension))


def cut_text(text: str, size: int) -> str:
    """The beginning of a text, at most ``size`` bytes of UTF-8, cut between characters."""
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")
