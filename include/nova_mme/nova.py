"""Requests to Amazon Nova Multimodal Embeddings, as plain dicts, and the token that makes a job happen once.

The shapes are those of the Amazon Nova user guide, "Embeddings schema".
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.recipe import DETAIL_LEVELS, EMBEDDING_MODES, INDEX_PURPOSE, PURPOSES, RETRIEVAL_PURPOSE
from nova_mme.space import DIMENSIONS, FULL_DIMENSION

SCHEMA_VERSION = "nova-multimodal-embed-v1"
TRUNCATION_MODES = ("START", "END", "NONE")

# "value" of a text in a synchronous request holds at most this many characters.
QUERY_CHARACTERS = 8192

# Inline content is limited to 25 MB after base64, the whole body to 25,000,000 bytes (botocore's model).
QUERY_BYTES = 18_740_000


def segmented_request(
    uri: str,
    modality: Modality,
    media_format: str | None = None,
    *,
    segment: int | None = None,
    detail_level: str | None = None,
    embedding_mode: str | None = None,
    truncation_mode: str = "END",
    purpose: str = INDEX_PURPOSE,
    dimension: int = FULL_DIMENSION,
    bucket_owner: str | None = None,
) -> dict[str, Any]:
    """The ``modelInput`` of StartAsyncInvoke for one S3 object.

    :param media_format: the schema's name, such as ``jpeg``; not for text.
    :param segment: characters for text (800 to 50,000), seconds for audio and video (1 to 30).
    :raises BadSetting: when a value is outside the schema.
    """
    _check("embedding_dimension", dimension, DIMENSIONS)
    _check("purpose", purpose, PURPOSES)
    if modality is Modality.DOCUMENT:
        raise BadSetting("The model takes no documents; embed_document makes images of their pages, or text.")
    location = {"uri": uri, **({"bucketOwner": bucket_owner} if bucket_owner else {})}
    item: dict[str, Any] = {"source": {"s3Location": location}}
    if modality is not Modality.TEXT:
        _check("format", media_format, tuple(sorted(modality.formats)))
        item["format"] = media_format
    match modality:
        case Modality.TEXT:
            _check("truncation_mode", truncation_mode, TRUNCATION_MODES)
            item["truncationMode"] = truncation_mode
        case Modality.IMAGE:
            item["detailLevel"] = detail_level or DETAIL_LEVELS[0]
            _check("detail_level", item["detailLevel"], DETAIL_LEVELS)
        case Modality.VIDEO:
            item["embeddingMode"] = embedding_mode or EMBEDDING_MODES[0]
            _check("embedding_mode", item["embeddingMode"], EMBEDDING_MODES)
    if modality is not Modality.IMAGE:
        item["segmentationConfig"] = _segmentation(modality, segment)
    params = {"embeddingPurpose": purpose, "embeddingDimension": dimension, modality.value: item}
    return {
        "schemaVersion": SCHEMA_VERSION,
        "taskType": "SEGMENTED_EMBEDDING",
        "segmentedEmbeddingParams": params,
    }


def _segmentation(modality: Modality, segment: int | None) -> dict[str, int]:
    limits = modality.limits
    length = (limits.segment_default or 0) if segment is None else segment
    if not (limits.segment_min or 0) <= length <= (limits.segment_max or 0):
        raise BadSetting(
            f"A {modality} segment of {length} is outside {limits.segment_min} to {limits.segment_max}."
        )
    return {"maxLengthChars" if modality is Modality.TEXT else "durationSeconds": length}


def _check(name: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        raise BadSetting(f"{name} is {value!r}; it can be {', '.join(map(str, choices))}.")


def text_query(text: str, *, dimension: int, purpose: str = RETRIEVAL_PURPOSE) -> dict[str, Any]:
    """The body of InvokeModel for a text to search with.

    :raises BadSetting: for an empty text, one of over 8,192 characters, or one with half a character in it.
    """
    if not text.strip():
        raise BadSetting("The query is empty; type what to look for.")
    if len(text) > QUERY_CHARACTERS:
        raise BadSetting(f"The query has {len(text)} characters; the model takes {QUERY_CHARACTERS}.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadSetting(
            "The query has half of a surrogate pair in it, which is no character; send it as UTF-8."
        )
    return _single({"text": {"truncationMode": "END", "value": text}}, dimension, purpose)


def media_query(
    content: bytes, modality: Modality, media_format: str, *, dimension: int, purpose: str = RETRIEVAL_PURPOSE
) -> dict[str, Any]:
    """The body of InvokeModel for an image, a sound or a clip (at most 30 s) to search with.

    :raises BadSetting: when the file is over the limit of inline content, 25 MB in base64.
    """
    if len(content) > QUERY_BYTES:
        raise BadSetting(
            f"The file has {len(content):,} bytes; the model takes {QUERY_BYTES:,} inline (25 MB in base64)."
        )
    item: dict[str, Any] = {
        "format": media_format,
        "source": {"bytes": base64.b64encode(content).decode()},
    }
    if modality is Modality.VIDEO:
        item["embeddingMode"] = EMBEDDING_MODES[0]
    return _single({modality.value: item}, dimension, purpose)


def _single(item: dict[str, Any], dimension: int, purpose: str) -> dict[str, Any]:
    _check("embedding_dimension", dimension, DIMENSIONS)
    params = {"embeddingPurpose": purpose, "embeddingDimension": dimension, **item}
    return {
        "schemaVersion": SCHEMA_VERSION,
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": params,
    }


def request_token(*parts: str) -> str:
    """A ``clientRequestToken`` of 64 hex digits, equal for equal parts.

    Bedrock answers a repeated token with the job that the first one started, so a retry, a cleared task or
    a crash between the call and the note of it never pays twice. botocore would fill in a random one.
    """
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
