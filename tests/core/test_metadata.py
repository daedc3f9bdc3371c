"""Metadata: the promised names, nothing null, and sizes that S3 Vectors takes in the worst case."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from core.builders import MODIFIED, make_source
from hypothesis import given
from hypothesis import strategies as st

from nova_mme.errors import BadSetting
from nova_mme.metadata import (
    NON_FILTERABLE_KEYS,
    TEXT_BYTES,
    add_dimension,
    cut_text,
    describe_segment,
    describe_source,
    encode_document,
)
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.segment import Segment
from nova_mme.space import Space

_FILTERABLE_LIMIT = 2048
_TOTAL_LIMIT = 40 * 1024

_PROMISED = {
    "objectId", "modalityType", "embeddingType", "fileType", "segmentIndex", "segmentStartSeconds",
    "segmentEndSeconds", "segmentStartCharPosition", "segmentEndCharPosition", "fileSize", "uploadTimestamp",
    "processingTimestamp", "embeddingDimension", "space", "recipe", "contentType",
    "sourceS3Uri", "fileName", "text", "etag",
}  # fmt: skip

_FULL = Segment("TEXT", 1899, start_seconds=1.5, end_seconds=7.0, start_character=9, end_character=90)


def _describe(
    segment: Segment = _FULL, text: str = "hello", key: str = "a/cat.txt", content_type: str = "text/plain"
):
    source = make_source(key, etag="abc-12", size=7)
    shared = describe_source(
        source,
        Recipe.standard(Modality.TEXT),
        Space(),
        media_format="text",
        content_type=content_type,
        processed=1_800_000_000,
    )
    return {**describe_segment(shared, segment, text), "embeddingDimension": 3072}


def test_the_document_has_the_promised_names_and_values() -> None:
    """People filter by these names: all are there, and no other."""
    document = _describe()

    assert set(document) == _PROMISED
    assert document == document | {
        "objectId": make_source("a/cat.txt").object_id,
        "modalityType": "text",
        "embeddingType": "TEXT",
        "segmentIndex": 1899,
        "segmentStartCharPosition": 9,
        "segmentEndCharPosition": 90,
        "fileSize": 7,
        "uploadTimestamp": MODIFIED,
        "processingTimestamp": 1_800_000_000,
        "space": "nova-2-mme-v1-0",
        "recipe": Recipe.standard(Modality.TEXT).fingerprint,
        "sourceS3Uri": "s3://media/a/cat.txt",
        "fileName": "cat.txt",
        "text": "hello",
        "etag": "abc-12",
    }


def test_what_is_not_known_is_absent() -> None:
    """S3 Vectors takes no null, and an absent key can be asked for with $exists."""
    document = _describe(Segment("IMAGE", 0), text="")

    assert None not in document.values()
    assert not {"text", "segmentStartSeconds", "segmentEndCharPosition"} & set(document)


def test_a_start_of_zero_is_known() -> None:
    """Zero seconds and position zero are values, not absences."""
    document = _describe(Segment("VIDEO", 0, 0.0, 5.0, 0, 0))

    assert (document["segmentStartSeconds"], document["segmentStartCharPosition"]) == (0.0, 0)


def test_the_non_filterable_names_are_fixed() -> None:
    """They are fixed when an index is created: another set would need new indexes."""
    assert {"sourceS3Uri", "fileName", "text", "etag"} == NON_FILTERABLE_KEYS


@pytest.mark.parametrize("content_type", ["x" * 5000, "ü" * 5000])
def test_the_filterable_part_stays_below_2_kb(content_type: str) -> None:
    """With the longest space name, numbers and a hostile content type."""
    segment = replace(_FULL, embedding_type="AUDIO_VIDEO_COMBINED", end_seconds=7199.999999999999)
    document = _describe(segment, key="x" * 900 + ".txt", content_type=content_type)
    document["space"] = "s" * 46
    filterable = {name: value for name, value in document.items() if name not in NON_FILTERABLE_KEYS}

    assert len(orjson.dumps(filterable)) < _FILTERABLE_LIMIT


@pytest.mark.parametrize("text", ["a" * 99_999, "☕" * 99_999, '"\n\\' * 33_333])
def test_the_whole_stays_below_40_kb(text: str) -> None:
    """With the longest key and a text of which each character takes two in JSON."""
    document = _describe(text=text, key="ü" * 500 + "/" + "ü" * 10 + ".txt")

    assert len(orjson.dumps(document)) < _TOTAL_LIMIT
    assert len(document["text"].encode()) > TEXT_BYTES - 4


@given(st.text(max_size=80), st.integers(0, 100))
def test_a_cut_text_is_a_beginning_that_fits(text: str, size: int) -> None:
    """Never more bytes than asked, never half a character, and as much as fits."""
    cut = cut_text(text, size)
    whole = text.encode("utf-8", "replace").decode()

    assert len(cut.encode()) <= size
    assert whole.startswith(cut)
    assert cut == whole or len(whole[: len(cut) + 1].encode()) > size


def test_a_page_is_numbered_from_one() -> None:
    """As people count; the segment's index counts from 0."""
    document = _describe(Segment("IMAGE", 6, page=6))

    assert (document["segmentIndex"], document["pageNumber"]) == (6, 7)


def test_an_encoded_document_gets_its_dimension() -> None:
    """What is the same in all four indexes is written once."""
    document = _describe(text="ü☕")

    for dimension in (256, 3072):
        body = orjson.dumps(add_dimension(encode_document(document), dimension))
        assert orjson.loads(body) == {**document, "embeddingDimension": dimension}


@pytest.mark.parametrize("text", ["\x01" * 20_000, "a" * 2000 + "\x02" * 20_000, "☕\x03" * 9000])
def test_a_text_of_control_characters_is_cut_until_it_fits(text: str) -> None:
    """JSON writes each as six bytes, which makes 96 KB of 16: the segment is stored with less of its text."""
    document = orjson.loads(encode_document(_describe(text=text)))

    assert text.startswith(document["text"])
    assert len(document["text"]) > 1000
    assert len(orjson.dumps({**document, "embeddingDimension": 3072})) <= _TOTAL_LIMIT


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"fileName": "x" * 50_000}, r"metadata takes 50,\d+ bytes; S3 Vectors takes 40,960"),
        ({"contentType": "x" * 2000}, r"filterable metadata takes 2,\d+ bytes; S3 Vectors takes 2,048"),
        ({"fileName": "\ud800"}, "cannot be written as JSON"),
    ],
    ids=["total", "filterable", "half a character"],
)
def test_what_would_be_refused_is_refused_here(members: dict[str, str], sentence: str) -> None:
    """With the size and the limit; long values of the other keys alone are no reason."""
    with pytest.raises(BadSetting, match=sentence):
        encode_document({**_describe(), **members})
    assert encode_document({**_describe(), "fileName": "x" * 20_000})


def test_the_limit_is_that_of_the_whole_document() -> None:
    """With the dimension in it: one byte less is taken, one more is not."""
    document = {name: value for name, value in _describe().items() if name != "embeddingDimension"}
    filterable = {name: value for name, value in document.items() if name not in NON_FILTERABLE_KEYS}
    size = len(orjson.dumps({**filterable, "contentType": "", "embeddingDimension": 3072}))
    room = _FILTERABLE_LIMIT - size

    assert encode_document({**document, "contentType": "x" * room})
    with pytest.raises(BadSetting, match="takes 2,049 bytes"):
        encode_document({**document, "contentType": "x" * (room + 1)})
