"""Nova's requests: every rule of the schema, and a token that makes the same work the same job."""

from __future__ import annotations

import base64
import re
from itertools import product
from typing import Any

import pytest

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.nova import media_query, request_token, segmented_request, text_query
from nova_mme.space import DIMENSIONS
from nova_mme_local.bedrock.request import parse_segmented, parse_single

_OWNER = "111122223333"
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


def _item(modality: Modality, media_format: str | None = None, **options: Any) -> dict[str, Any]:
    request = segmented_request("s3://media/x", modality, media_format, **options)
    return request["segmentedEmbeddingParams"][modality.value]


def test_a_video_request_is_the_schemas() -> None:
    """Every member in its place, none besides."""
    request = segmented_request(
        "s3://media/a b.mp4",
        Modality.VIDEO,
        "mp4",
        segment=6,
        embedding_mode="AUDIO_VIDEO_SEPARATE",
        bucket_owner=_OWNER,
    )

    assert request == {
        "schemaVersion": "nova-multimodal-embed-v1",
        "taskType": "SEGMENTED_EMBEDDING",
        "segmentedEmbeddingParams": {
            "embeddingPurpose": "GENERIC_INDEX",
            "embeddingDimension": 3072,
            "video": {
                "format": "mp4",
                "source": {"s3Location": {"uri": "s3://media/a b.mp4", "bucketOwner": _OWNER}},
                "embeddingMode": "AUDIO_VIDEO_SEPARATE",
                "segmentationConfig": {"durationSeconds": 6},
            },
        },
    }


_SOURCE = {"s3Location": {"uri": "s3://media/x"}}


@pytest.mark.parametrize(
    ("modality", "media_format", "item"),
    [
        (
            Modality.TEXT,
            None,
            {"truncationMode": "END", "source": _SOURCE, "segmentationConfig": {"maxLengthChars": 32_000}},
        ),
        (Modality.IMAGE, "png", {"format": "png", "source": _SOURCE, "detailLevel": "STANDARD_IMAGE"}),
        (
            Modality.AUDIO,
            "mp3",
            {"format": "mp3", "source": _SOURCE, "segmentationConfig": {"durationSeconds": 5}},
        ),
        (
            Modality.VIDEO,
            "3gp",
            {
                "format": "3gp",
                "source": _SOURCE,
                "embeddingMode": "AUDIO_VIDEO_COMBINED",
                "segmentationConfig": {"durationSeconds": 5},
            },
        ),
    ],
)
def test_what_is_not_given_is_novas_default(
    modality: Modality, media_format: str | None, item: dict[str, Any]
) -> None:
    """Required members are always there, foreign ones never."""
    assert _item(modality, media_format) == item


def test_the_model_is_asked_for_no_document() -> None:
    """It takes none: what embed_document sends are pages and texts."""
    with pytest.raises(BadSetting, match="takes no documents"):
        segmented_request("s3://media/a.pdf", Modality.DOCUMENT, "pdf")


@pytest.mark.parametrize("modality", [kind for kind in Modality if kind is not Modality.DOCUMENT])
def test_every_allowed_request_passes_the_schema(modality: Modality) -> None:
    """All formats, purposes, dimensions and choices, against a schema that was written down independently."""
    limits = modality.limits
    formats: Any = [None] if modality is Modality.TEXT else sorted(modality.formats)
    options = {
        "segment": {None, limits.segment_min, limits.segment_max},
        "detail_level": {None, "DOCUMENT_IMAGE"} if modality is Modality.IMAGE else {None},
        "embedding_mode": {None, "AUDIO_VIDEO_SEPARATE"} if modality is Modality.VIDEO else {None},
        "truncation_mode": {"START", "END", "NONE"} if modality is Modality.TEXT else {"END"},
        "purpose": _PURPOSES,
        "dimension": DIMENSIONS,
        "bucket_owner": {None, _OWNER},
    }
    for media_format, values in product(formats, product(*options.values())):
        given = dict(zip(options, values, strict=True))
        task = parse_segmented(segmented_request("s3://media/x", modality, media_format, **given))
        assert (task.modality, task.dimension, task.uri) == (
            modality.value,
            given["dimension"],
            "s3://media/x",
        )


@pytest.mark.parametrize(
    "uri", ["s3://media/a b+c%20.txt", "s3://media/ünï☕/日本.txt", "s3://media/x'\"\\.txt"]
)
def test_a_uri_goes_out_as_it_is(uri: str) -> None:
    """S3 URIs are not URLs: percent-encoding one would name another object."""
    assert parse_segmented(segmented_request(uri, Modality.TEXT)).uri == uri


@pytest.mark.parametrize(
    ("modality", "media_format", "options", "sentence"),
    [
        (Modality.IMAGE, "jpg", {}, "format is 'jpg'; it can be .*jpeg"),
        (Modality.IMAGE, "mp4", {}, "format is 'mp4'"),
        (Modality.VIDEO, None, {}, "format is None"),
        (Modality.AUDIO, "flac", {}, "format is 'flac'; it can be mp3, ogg, wav"),
        (Modality.TEXT, None, {"segment": 799}, "text segment of 799 is outside 800 to 50000"),
        (Modality.TEXT, None, {"segment": 50_001}, "50001"),
        (Modality.VIDEO, "mp4", {"segment": 31}, "video segment of 31 is outside 1 to 30"),
        (Modality.AUDIO, "wav", {"segment": -5}, "audio segment of -5"),
        (
            Modality.TEXT,
            None,
            {"truncation_mode": "MIDDLE"},
            "truncation_mode is 'MIDDLE'; .*START, END, NONE",
        ),
        (Modality.IMAGE, "png", {"detail_level": "HIGH"}, "detail_level is 'HIGH'"),
        (Modality.VIDEO, "mp4", {"embedding_mode": "VIDEO_ONLY"}, "embedding_mode is 'VIDEO_ONLY'"),
        (
            Modality.TEXT,
            None,
            {"dimension": 512},
            "embedding_dimension is 512; it can be 256, 384, 1024, 3072",
        ),
        (
            Modality.TEXT,
            None,
            {"purpose": "TEXT_INDEX"},
            "purpose is 'TEXT_INDEX'; it can be .*GENERIC_INDEX",
        ),
    ],
)
def test_what_the_schema_refuses_is_refused_here(
    modality: Modality, media_format: str | None, options: dict[str, Any], sentence: str
) -> None:
    """Before a call is made, with a sentence that names the key, the value and what it can be."""
    with pytest.raises(BadSetting, match=sentence):
        _item(modality, media_format, **options)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_text_query_is_the_schemas(dimension: int) -> None:
    """Retrieval purpose, the dimension of the index, and the text cut at its end if need be."""
    body = text_query(" cats ", dimension=dimension)

    assert body["singleEmbeddingParams"] == {
        "embeddingPurpose": "GENERIC_RETRIEVAL",
        "embeddingDimension": dimension,
        "text": {"truncationMode": "END", "value": " cats "},
    }
    assert parse_single(body).value == " cats "


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_an_empty_query_is_refused(text: str) -> None:
    """The sentence says what to do."""
    with pytest.raises(BadSetting, match="type what to look for"):
        text_query(text, dimension=256)


def test_a_query_has_at_most_8192_characters() -> None:
    """The limit of a text's value; one more is refused with both numbers."""
    assert parse_single(text_query("x" * 8192, dimension=256))
    with pytest.raises(BadSetting, match="8193 characters.*8192"):
        text_query("x" * 8193, dimension=256)


@pytest.mark.parametrize(
    ("modality", "media_format", "extra"),
    [
        (Modality.IMAGE, "png", {}),
        (Modality.AUDIO, "ogg", {}),
        (Modality.VIDEO, "webm", {"embeddingMode": "AUDIO_VIDEO_COMBINED"}),
    ],
)
def test_a_media_query_carries_its_bytes(
    modality: Modality, media_format: str, extra: dict[str, str]
) -> None:
    """Base64 in the body, and a video's mode, which is required."""
    body = media_query(b"\x00\xff bytes", modality, media_format, dimension=1024)

    item = {
        "format": media_format,
        "source": {"bytes": base64.b64encode(b"\x00\xff bytes").decode()},
        **extra,
    }
    assert body["taskType"] == "SINGLE_EMBEDDING"
    assert body["singleEmbeddingParams"][modality.value] == item
    assert parse_single(body).content == b"\x00\xff bytes"


def test_a_media_query_over_the_inline_limit_is_refused() -> None:
    """25 MB after base64 is what Bedrock takes: the sentence comes before the upload."""
    with pytest.raises(BadSetting, match="25"):
        media_query(bytes(18_750_001), Modality.IMAGE, "png", dimension=256)


def test_a_query_of_a_dimension_that_the_model_lacks_is_refused() -> None:
    """As for sources."""
    with pytest.raises(BadSetting, match="embedding_dimension is 512"):
        text_query("cats", dimension=512)


def test_a_token_is_the_same_for_the_same_work() -> None:
    """Written down once: another token for the same work would be another paid job."""
    token = request_token("s3://media/ü.mp4", "etag", "space", "recipe", "1")

    assert token == "fc9040177f83f9076af361386b1f1627af57c5acac527796dc88abd59a02a2d2"
    assert re.fullmatch(r"[!-~]{1,256}", token)


def test_a_token_differs_wherever_the_work_differs() -> None:
    """Each part counts, and so does where one ends and the next begins."""
    parts = ("uri", "etag", "space", "recipe", "1")
    others = [tuple("x" if i == n else part for i, part in enumerate(parts)) for n in range(len(parts))]
    tokens = {request_token(*each) for each in (parts, *others, ("urie", "tag", "space", "recipe", "1"))}

    assert len(tokens) == len(parts) + 2


def test_half_a_character_is_no_query() -> None:
    """JSON can spell a lone surrogate; no UTF-8 can, and the request is UTF-8."""
    with pytest.raises(BadSetting, match="half of a surrogate pair"):
        text_query("cats \ud83d", dimension=256)
