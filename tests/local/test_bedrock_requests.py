"""Nova's request schema: every rule is enforced where the request stands, and what is allowed is let through."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from local.bedrock_calls import segmented, single, text_item
from local.media_files import picture

from nova_mme.modality import Modality
from nova_mme.nova import media_query, segmented_request, text_query
from nova_mme_local.bedrock.request import Task, parse_segmented, parse_single
from nova_mme_local.wire import AwsError

REMOVED = object()
LOCATION = {"s3Location": {"uri": "s3://media/a.png"}}
SINGLE = {
    "text": single(text=text_item("hello")),
    "image": single(image={"format": "png", "source": {"bytes": "AAAA"}}),
    "audio": single(audio={"format": "wav", "source": LOCATION}),
    "video": single(video={"format": "mp4", "source": LOCATION, "embeddingMode": "AUDIO_VIDEO_COMBINED"}),
}
SEGMENTED = {
    name: segmented(f"a.{suffix}")
    for name, suffix in {"text": "txt", "image": "png", "audio": "wav", "video": "mp4"}.items()
}


def change(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy of a body with one member set (or REMOVED); P stands for the params, M for the modality."""
    changed = copy.deepcopy(body)
    params = next(name for name in changed if name.endswith("EmbeddingParams"))
    modality = next(name for name in changed[params] if not name.startswith("embedding"))
    *parents, last = [{"P": params, "M": modality}.get(name, name) for name in path.split("/")]
    place = changed
    for name in parents:
        place = place[name]
    if value is REMOVED:
        del place[last]
    else:
        place[last] = value
    return changed


def refusal(parse: Any, body: Any) -> str:
    """Return the message that a body is refused with."""
    with pytest.raises(AwsError) as caught:
        parse(body)
    assert caught.value.code == "ValidationException"
    return caught.value.message


BOTH = [
    ("taskType", REMOVED, "#: required key [taskType] not found"),
    ("taskType", "EMBEDDING", "#/taskType: EMBEDDING is not a valid enum value"),
    ("schemaVersion", "nova-multimodal-embed-v2", "is not a valid enum value"),
    ("task", "x", "#: extraneous key [task] is not permitted"),
    ("P", REMOVED, "EmbeddingParams] not found"),
    ("P", [], "expected type: JSONObject, found: JSONArray"),
    ("P/embeddingPurpose", REMOVED, "required key [embeddingPurpose] not found"),
    ("P/embeddingPurpose", "IMAGE_INDEX", "IMAGE_INDEX is not a valid enum value"),
    ("P/embeddingDimension", 512, "/embeddingDimension: 512 is not a valid enum value"),
    ("P/embeddingDimension", "256", "/embeddingDimension: 256 is not a valid enum value"),
    ("P/embeddingDimension", 256.0, "256.0 is not a valid enum value"),
    ("P/M", REMOVED, "exactly one of [text, image, audio, video] must be present, found: 0"),
    ("P/embeddingType", "TEXT", "extraneous key [embeddingType] is not permitted"),
]
MEDIA = [
    ("P/M/format", REMOVED, "required key [format] not found"),
    ("P/M/format", "jpg", "/format: jpg is not a valid enum value"),
    ("P/M/format", "three_gp", "three_gp is not a valid enum value"),
    ("P/M/source", REMOVED, "required key [source] not found"),
    ("P/M/source", {}, "source"),
    ("P/M/source", {"s3Location": {"uri": "s3://media"}}, "does not match pattern"),
    ("P/M/source", {"s3Location": {"uri": "https://media.s3.amazonaws.com/a"}}, "does not match pattern"),
    ("P/M/source", {"s3Location": {"uri": "s3://media/a", "bucketOwner": "me"}}, "does not match pattern"),
    ("P/M/source", {"s3Location": {"bucketOwner": "123456789012"}}, "required key [uri] not found"),
    ("P/M/truncationMode", "END", "extraneous key [truncationMode] is not permitted"),
]


@pytest.mark.parametrize("modality", SINGLE)
@pytest.mark.parametrize(("path", "value", "message"), BOTH)
def test_rules_of_every_request(modality: str, path: str, value: Any, message: str) -> None:
    """What is wrong in a synchronous request is wrong in an asynchronous one too, for every modality."""
    for parse, bodies in ((parse_single, SINGLE), (parse_segmented, SEGMENTED)):
        found = refusal(parse, change(bodies[modality], path, value))
        assert message in found
        assert found.startswith("Malformed input request: #")
        assert found.endswith(", please reformat your input and try again.")


@pytest.mark.parametrize("modality", ["image", "audio", "video"])
@pytest.mark.parametrize(("path", "value", "message"), MEDIA)
def test_rules_of_media(modality: str, path: str, value: Any, message: str) -> None:
    """Format and source are checked for every medium, sync and async."""
    for parse, bodies in ((parse_single, SINGLE), (parse_segmented, SEGMENTED)):
        assert message in refusal(parse, change(bodies[modality], path, value))


@pytest.mark.parametrize(
    ("modality", "path", "value", "message"),
    [
        ("text", "P/M/truncationMode", REMOVED, "required key [truncationMode] not found"),
        ("text", "P/M/truncationMode", "MIDDLE", "MIDDLE is not a valid enum value"),
        ("text", "P/M/value", "", "expected minLength: 1, actual: 0"),
        ("text", "P/M/value", "x" * 8193, "/text/value: expected maxLength: 8192, actual: 8193"),
        ("text", "P/M/value", 5, "expected type: String, found: Integer"),
        ("text", "P/M/value", REMOVED, "exactly one of [value, source] must be present, found: 0"),
        ("text", "P/M/source", LOCATION, "exactly one of [value, source] must be present, found: 2"),
        ("text", "P/M/format", "txt", "extraneous key [format] is not permitted"),
        ("text", "P/M/segmentationConfig", {}, "extraneous key [segmentationConfig] is not permitted"),
        ("text", "P/image", {"format": "png", "source": LOCATION}, "must be present, found: 2"),
        ("text", "taskType", "SEGMENTED_EMBEDDING", "SEGMENTED_EMBEDDING is not a valid enum value"),
        (
            "image",
            "P/M/source",
            {"bytes": "no base64!"},
            "/image/source/bytes: the string is not valid base64",
        ),
        ("image", "P/M/source", {"bytes": "AAAA", **LOCATION}, "exactly one of [bytes, s3Location]"),
        ("image", "P/M/detailLevel", "HIGH", "HIGH is not a valid enum value"),
        ("image", "P/M/embeddingMode", "AUDIO_VIDEO_COMBINED", "extraneous key [embeddingMode]"),
        ("audio", "P/M/detailLevel", "STANDARD_IMAGE", "extraneous key [detailLevel]"),
        ("audio", "P/M/segmentationConfig", {}, "extraneous key [segmentationConfig]"),
        ("video", "P/M/embeddingMode", REMOVED, "required key [embeddingMode] not found"),
        ("video", "P/M/embeddingMode", "VIDEO_ONLY", "VIDEO_ONLY is not a valid enum value"),
    ],
)
def test_rules_of_single_requests(modality: str, path: str, value: Any, message: str) -> None:
    """Rules of InvokeModel's body alone."""
    assert message in refusal(parse_single, change(SINGLE[modality], path, value))


@pytest.mark.parametrize(
    ("modality", "path", "value", "message"),
    [
        ("text", "P/M/segmentationConfig", REMOVED, "required key [segmentationConfig] not found"),
        ("audio", "P/M/segmentationConfig", REMOVED, "required key [segmentationConfig] not found"),
        ("video", "P/M/segmentationConfig", REMOVED, "required key [segmentationConfig] not found"),
        ("image", "P/M/segmentationConfig", {}, "extraneous key [segmentationConfig]"),
        ("text", "P/M/segmentationConfig", {"truncationMode": "END"}, "extraneous key [truncationMode]"),
        ("text", "P/M/segmentationConfig", {"durationSeconds": 5}, "extraneous key [durationSeconds]"),
        ("text", "P/M/segmentationConfig", {"maxLengthChars": 799}, "799 is not greater or equal to 800"),
        ("text", "P/M/segmentationConfig", {"maxLengthChars": 50_001}, "50001 is not less or equal to 50000"),
        ("audio", "P/M/segmentationConfig", {"durationSeconds": 0}, "0 is not greater or equal to 1"),
        ("video", "P/M/segmentationConfig", {"durationSeconds": 31}, "31 is not less or equal to 30"),
        (
            "video",
            "P/M/segmentationConfig",
            {"durationSeconds": 5.0},
            "expected type: Integer, found: BigDecimal",
        ),
        (
            "video",
            "P/M/segmentationConfig",
            {"durationSeconds": True},
            "expected type: Integer, found: Boolean",
        ),
        ("video", "P/M/segmentationConfig", {"maxLengthChars": 800}, "extraneous key [maxLengthChars]"),
        ("text", "P/M/value", "inline text", "extraneous key [value] is not permitted"),
        ("image", "P/M/source", {"bytes": "AAAA"}, "extraneous key [bytes] is not permitted"),
        ("video", "P/audio", {"format": "mp3", "source": LOCATION, "segmentationConfig": {}}, "found: 2"),
        ("text", "taskType", "SINGLE_EMBEDDING", "SINGLE_EMBEDDING is not a valid enum value"),
    ],
)
def test_rules_of_segmented_requests(modality: str, path: str, value: Any, message: str) -> None:
    """Rules of StartAsyncInvoke's modelInput alone."""
    assert message in refusal(parse_segmented, change(SEGMENTED[modality], path, value))


@pytest.mark.parametrize("body", [None, [], "text", 5, {}])
def test_a_body_of_another_kind(body: Any) -> None:
    """Whatever JSON comes, the answer is a refusal."""
    assert "Malformed input request" in refusal(parse_single, body)


def test_all_mistakes_are_named_at_once() -> None:
    """Two mistakes, two sentences."""
    body = change(change(SINGLE["text"], "P/embeddingDimension", 7), "P/M/truncationMode", "X")
    found = refusal(parse_single, body)
    assert "7 is not a valid enum value" in found
    assert "X is not a valid enum value" in found


def test_defaults() -> None:
    """3072 dimensions, 32,000 characters, five seconds; an image is one segment."""
    for modality, segment in {"text": 32_000, "image": None, "audio": 5, "video": 5}.items():
        task = parse_segmented(change(SEGMENTED[modality], "P/embeddingDimension", REMOVED))
        assert (task.dimension, task.segment) == (3072, segment)


def test_what_the_core_sends_is_accepted() -> None:
    """The requests of the product's own builder pass, and mean what they say."""
    uri = "s3://media/folder/a b.bin"
    built = segmented_request(
        uri,
        Modality.VIDEO,
        "mov",
        segment=7,
        embedding_mode="AUDIO_VIDEO_SEPARATE",
        bucket_owner="123456789012",
    )
    expected = Task(
        "video", 3072, uri=uri, owner="123456789012", media_format="mov", separate=True, segment=7
    )
    assert parse_segmented(built) == expected
    for modality in (Modality.TEXT, Modality.IMAGE, Modality.AUDIO):
        media_format = None if modality is Modality.TEXT else sorted(modality.formats)[0]
        assert parse_segmented(segmented_request(uri, modality, media_format)).modality == modality
    assert parse_single(text_query("hello", dimension=384)).value == "hello"
    content = picture("sky")
    assert parse_single(media_query(content, Modality.IMAGE, "png", dimension=256)).content == content
