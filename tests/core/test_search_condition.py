"""Conditions: the filter of each, how they are typed, and what is told when they are wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nova_mme.errors import BadSetting
from nova_mme.metadata import NON_FILTERABLE_KEYS
from nova_mme.modality import Modality
from nova_mme.search.condition import And, Equals, Exists, OneOf, Or, Range, find_modality, join
from nova_mme.search.condition_text import BadCondition, parse
from nova_mme.search.field import FIELDS

_SCRAPS = ["(", ")", "and", "or", "not", "in", "=", "<", "page", "modality", "3", ",", "'"]
_JANUARY, _DAY = 1_767_225_600, 86_400


def _filter(text: str) -> dict[str, Any]:
    condition = parse(text)
    assert condition is not None
    return condition.to_filter()


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("modality = image", {"modalityType": {"$eq": "image"}}),
        ("Modality == IMAGE", {"modalityType": {"$eq": "image"}}),
        ("modalityType != 'image'", {"modalityType": {"$ne": "image"}}),
        ("type in (video, audio)", {"embeddingType": {"$in": ["VIDEO", "AUDIO"]}}),
        ("format not in (png, gif)", {"fileType": {"$nin": ["png", "gif"]}}),
        ("content = image/png", {"contentType": {"$eq": "image/png"}}),
        ("start < 30", {"segmentStartSeconds": {"$lt": 30}}),
        ("end >= 1:30.5", {"segmentEndSeconds": {"$gte": 90.5}}),
        ("start > 1:00:00", {"segmentStartSeconds": {"$gt": 3600}}),
        ("size <= 2.5MB", {"fileSize": {"$lte": 2_621_440}}),
        ("page = 3", {"pageNumber": {"$eq": 3}}),
        ("page exists", {"pageNumber": {"$exists": True}}),
        ("page missing", {"pageNumber": {"$exists": False}}),
        ("recipe = 123456789012", {"recipe": {"$eq": "123456789012"}}),
        ("uploaded >= 2026-01-01", {"uploadTimestamp": {"$gte": _JANUARY}}),
        ("uploaded <= 2026-01-01", {"uploadTimestamp": {"$lt": _JANUARY + _DAY}}),
        ("uploaded > 2026-01-01", {"uploadTimestamp": {"$gte": _JANUARY + _DAY}}),
        ("uploaded < 2026-01-01", {"uploadTimestamp": {"$lt": _JANUARY}}),
        ("uploaded = 2026-01-01", {"uploadTimestamp": {"$gte": _JANUARY, "$lt": _JANUARY + _DAY}}),
        ("processed > 2026-01-01T01:00+01:00", {"processingTimestamp": {"$gt": _JANUARY}}),
        ("processed = 2026-01-01T00:00", {"processingTimestamp": {"$eq": _JANUARY}}),
        ("uploaded >= 1767225600", {"uploadTimestamp": {"$gte": _JANUARY}}),
        ("project = 7", {"project": {"$eq": 7}}),
        ("project = '7'", {"project": {"$eq": "7"}}),
        ("reviewed = true", {"reviewed": {"$eq": True}}),
        ("'sizes' = 3", {"sizes": {"$eq": 3}}),
    ],
)
def test_each_comparison_has_its_operator(text: str, document: dict[str, Any]) -> None:
    """Always written out; names, dates, times and sizes become keys and numbers."""
    assert _filter(text) == document


def test_and_binds_closer_than_or() -> None:
    """Parentheses say otherwise."""
    image, early = {"modalityType": {"$eq": "image"}}, {"segmentStartSeconds": {"$lt": 5}}
    page = {"pageNumber": {"$eq": 1}}

    assert _filter("modality=image and start<5 or page=1") == {"$or": [{"$and": [image, early]}, page]}
    assert _filter("modality=image AND (start<5 OR page=1)") == {"$and": [image, {"$or": [early, page]}]}


def test_nothing_typed_is_no_condition() -> None:
    """Not an error."""
    assert parse("  ") is None


@pytest.mark.parametrize(
    ("text", "position", "sentence"),
    [
        ("modality =", 10, "Here a value was expected"),
        ("modality = imag", 11, "There is no modality 'imag'; it can be text, image,"),
        ("modality = image uploaded > 3", 17, "'and', 'or' or the end was expected"),
        ("modality image", 9, "After modality one of"),
        ("(page = 1", 9, "'\\)' was expected"),
        ("page in (1, )", 12, "a value was expected"),
        ("page = one", 7, "page is a number"),
        ("uploaded > 2026-13-01", 11, "uploaded is a date, such as"),
        ("uploaded in (2026-01-01)", 9, "uploaded is a date: use ="),
        ("start < soon", 8, "in seconds, such as 90 or 1:30"),
        ("size > big", 7, "in bytes, such as 5000 or 10MB"),
        ("modality = 'image", 11, "quotation mark is not closed"),
        ("page = 1 and ! 3", 13, "'!' means nothing"),
        ("page = 1 and and", 13, "a field was expected"),
        ("page = 1 and fileName = a.txt", 13, "etag, fileName, sourceS3Uri, text are not filterable"),
        ("source = s3://media", 0, "give the beginning of the URIs as the search's prefix"),
        ("modalty = image", 0, "'modality' may be meant"),
        ("project > many", 10, "takes a number"),
        ("(" * 21 + "page = 1" + ")" * 21, 20, "over 20 parentheses"),
    ],
)
def test_an_error_points_at_its_place(text: str, position: int, sentence: str) -> None:
    """By number for a form, and with a caret below the line for a terminal."""
    with pytest.raises(BadCondition, match=sentence) as caught:
        parse(text)

    assert caught.value.position == position
    line, caret = str(caught.value).splitlines()[-2:]
    assert (line, caret) == (f"  {text}", f"  {' ' * position}^")


@given(some.text(max_size=60) | some.lists(some.sampled_from(_SCRAPS)).map(" ".join))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    """Nothing else happens."""
    try:
        condition = parse(text)
    except BadSetting:
        return
    assert condition is None or condition.to_filter()


@pytest.mark.parametrize("name", sorted(NON_FILTERABLE_KEYS))
def test_a_key_that_is_not_filterable_is_refused(name: str) -> None:
    """S3 Vectors would answer 400; all such keys are named."""
    with pytest.raises(BadSetting, match="etag, fileName, sourceS3Uri, text are not filterable"):
        Equals(name, "x")


def test_values_in_a_query_are_counted() -> None:
    """A hundred pass, one more is refused: those of a list, of ranges, and of parts within parts."""
    assert OneOf("page", tuple(range(100))).to_filter() == {"pageNumber": {"$in": list(range(100))}}
    many = And(
        (OneOf("page", tuple(range(98))), Or((Range(name="start", at_least=1, below=2), Exists("page"))))
    )

    with pytest.raises(BadSetting, match="compares 101 values; S3 Vectors takes 100"):
        many.to_filter()


@pytest.mark.parametrize(
    ("bound", "number"),
    [
        (date(2026, 1, 1), _JANUARY),
        (datetime(2026, 1, 1, tzinfo=UTC), _JANUARY),
        (datetime(2026, 1, 1), _JANUARY),
        (2.5, 2.5),
    ],
)
def test_dates_are_epoch_seconds(bound: Any, number: float) -> None:
    """UTC where they do not say."""
    assert Range(name="uploaded", at_least=bound).to_filter() == {"uploadTimestamp": {"$gte": number}}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, 10**400, ["a"]])
def test_a_value_that_no_filter_takes_is_refused(value: Any) -> None:
    """In equality and in ranges."""
    with pytest.raises(BadSetting, match="compared with"):
        Equals("page", value)
    with pytest.raises(BadSetting, match=r"bounded by|has no bound"):
        Range(name="page", below=value)


def test_the_only_modality_is_found_in_a_condition() -> None:
    """Where there can be no other; a choice or a negation is open to several."""
    image = Equals("modality", "image")
    assert find_modality(image) is Modality.IMAGE
    assert find_modality(parse("start < 5 and modality in (video)")) is Modality.VIDEO
    for text in (
        "modality != image",
        "modality in (image, video)",
        "modality = image or page = 1",
        "page = 1",
    ):
        assert find_modality(parse(text)) is None


def test_conditions_are_joined() -> None:
    """None of them is none, one is itself."""
    one = Exists("page")
    assert join(None, None) is None
    assert join(None, one) is one
    assert join(one, one) == And((one, one))


def test_a_field_has_one_name_and_one_key() -> None:
    """No two fields claim the same."""
    names = [name.casefold() for field in FIELDS for name in {field.name, field.key}]
    assert len(names) == len(set(names))
