"""The requests of Nova Multimodal Embeddings: their schema, rule by rule, and what they ask for.

Rules are those of the Nova user guide, "Embeddings schema". `schemaVersion` may be left out; a member that
stands in the wrong place (truncationMode inside segmentationConfig) is as unknown as a misspelt one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nova_mme_local.bedrock.limits import INLINE_CHARACTERS
from nova_mme_local.bedrock.schema import (
    Check,
    check_body,
    expect_integer,
    expect_object,
    expect_one_of,
    expect_string,
    refuse,
)

MODALITIES = ("text", "image", "audio", "video")
_FORMATS = {
    "image": ("png", "jpeg", "gif", "webp"),
    "audio": ("mp3", "wav", "ogg"),
    "video": ("mp4", "mov", "mkv", "webm", "flv", "mpeg", "mpg", "wmv", "3gp"),
}
_PURPOSES = (
    "GENERIC_INDEX",
    "GENERIC_RETRIEVAL",
    "TEXT_RETRIEVAL",
    "IMAGE_RETRIEVAL",
    "VIDEO_RETRIEVAL",
    "DOCUMENT_RETRIEVAL",
    "AUDIO_RETRIEVAL",
    "CLASSIFICATION",
    "CLUSTERING",
)
_DEFAULT_DIMENSION = 3072
_DEFAULT_SEGMENTS = {"text": 32_000, "audio": 5, "video": 5}


@dataclass(frozen=True, slots=True)
class Task:
    """What a request asks for.

    The content is exactly one of: `value` (a text), `content` (bytes), or the S3 object at `uri`.

    :ivar owner: account that the caller says the bucket belongs to; empty when unsaid.
    :ivar segment: characters of a text segment, seconds of a sound or video segment; None for one segment.
    """

    modality: str
    dimension: int
    value: str | None = None
    content: bytes | None = None
    uri: str = ""
    owner: str = ""
    media_format: str = ""
    truncation: str = "END"
    separate: bool = False
    segment: int | None = None


_LOCATION = expect_object(
    {"uri": expect_string(pattern=r"s3://[a-z0-9][.\-a-z0-9]{1,61}[a-z0-9]/.+")},
    {"bucketOwner": expect_string(pattern="[0-9]{12}")},
)
_S3_SOURCE = expect_object({"s3Location": _LOCATION})
_ANY_SOURCE = expect_object({}, one_of={"bytes": expect_string(least=1), "s3Location": _LOCATION})
_TRUNCATION = expect_one_of("START", "END", "NONE")
_EMBEDDING_MODE = expect_one_of("AUDIO_VIDEO_COMBINED", "AUDIO_VIDEO_SEPARATE")
_DETAIL_LEVEL = expect_one_of("STANDARD_IMAGE", "DOCUMENT_IMAGE")
_TEXT_SEGMENTATION = expect_object({}, {"maxLengthChars": expect_integer(800, 50_000)})
_MEDIA_SEGMENTATION = expect_object({}, {"durationSeconds": expect_integer(1, 30)})


def _build_item(modality: str, source: Check, segmentation: Check | None) -> Check:
    required: dict[str, Check] = {"format": expect_one_of(*_FORMATS[modality]), "source": source}
    optional: dict[str, Check] = {}
    if modality == "image":
        optional["detailLevel"] = _DETAIL_LEVEL
    elif segmentation is not None:
        required["segmentationConfig"] = segmentation
    if modality == "video":
        required["embeddingMode"] = _EMBEDDING_MODE
    return expect_object(required, optional)


def _build_request(task_type: str, params: str, items: Mapping[str, Check]) -> Check:
    inner = expect_object(
        {"embeddingPurpose": expect_one_of(*_PURPOSES)},
        {"embeddingDimension": expect_one_of(256, 384, 1024, 3072)},
        one_of=items,
    )
    return expect_object(
        {"taskType": expect_one_of(task_type), params: inner},
        {"schemaVersion": expect_one_of("nova-multimodal-embed-v1")},
    )


_SINGLE = _build_request(
    "SINGLE_EMBEDDING",
    "singleEmbeddingParams",
    {
        "text": expect_object(
            {"truncationMode": _TRUNCATION},
            one_of={"value": expect_string(least=1, most=INLINE_CHARACTERS), "source": _S3_SOURCE},
        ),
        **{name: _build_item(name, _ANY_SOURCE, None) for name in ("image", "audio", "video")},
    },
)
# The limits page says of async: "can only accept S3 inputs"; hence neither value nor bytes.
_SEGMENTED = _build_request(
    "SEGMENTED_EMBEDDING",
    "segmentedEmbeddingParams",
    {
        "text": expect_object(
            {"truncationMode": _TRUNCATION, "source": _S3_SOURCE, "segmentationConfig": _TEXT_SEGMENTATION}
        ),
        **{name: _build_item(name, _S3_SOURCE, _MEDIA_SEGMENTATION) for name in ("image", "audio", "video")},
    },
)


def parse_single(body: Any) -> Task:
    """Read the body of InvokeModel; AwsError("ValidationException") naming what is wrong."""
    check_body(_SINGLE, body)
    return _read_task(body["singleEmbeddingParams"], segmented=False)


def parse_segmented(model_input: Any) -> Task:
    """Read the modelInput of StartAsyncInvoke; AwsError("ValidationException") naming what is wrong."""
    check_body(_SEGMENTED, model_input)
    return _read_task(model_input["segmentedEmbeddingParams"], segmented=True)


def _read_task(params: Mapping[str, Any], *, segmented: bool) -> Task:
    modality = next(name for name in MODALITIES if name in params)
    item = params[modality]
    source = item.get("source", {})
    location = source.get("s3Location", {})
    return Task(
        modality,
        params.get("embeddingDimension", _DEFAULT_DIMENSION),
        value=item.get("value"),
        content=_decode(source["bytes"], modality) if "bytes" in source else None,
        uri=location.get("uri", ""),
        owner=location.get("bucketOwner", ""),
        media_format=item.get("format", ""),
        truncation=item.get("truncationMode", "END"),
        separate=item.get("embeddingMode") == "AUDIO_VIDEO_SEPARATE",
        segment=_read_segment(modality, item) if segmented else None,
    )


def _read_segment(modality: str, item: Mapping[str, Any]) -> int | None:
    config = item.get("segmentationConfig", {})
    default = _DEFAULT_SEGMENTS.get(modality)
    return next(iter(config.values()), default)


def _decode(encoded: str, modality: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        refuse(f"#/singleEmbeddingParams/{modality}/source/bytes: the string is not valid base64")
