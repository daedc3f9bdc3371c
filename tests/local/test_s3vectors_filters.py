"""Metadata filters accept, refuse and match as "Metadata filtering" in the S3 Vectors user guide says."""

from __future__ import annotations

from typing import Any

import pytest

from nova_mme_local.s3vectors.filters import compile_filter
from nova_mme_local.wire import AwsError

NONE: frozenset[str] = frozenset()
VIDEO = {"kind": "video", "length": 12.5, "count": 3, "sound": True, "tags": ["sea", "sky", 7]}


def matches(expression: Any, metadata: dict | None = None) -> bool:
    return compile_filter(expression, non_filterable=NONE)(VIDEO if metadata is None else metadata)


@pytest.mark.parametrize(
    "expression",
    [
        {"kind": "video"},
        {"kind": {"$eq": "video"}},
        {"kind": {"$ne": "image"}},
        {"length": {"$gt": 12}},
        {"length": {"$gte": 12.5}},
        {"count": {"$lt": 3.5}},
        {"count": {"$lte": 3}},
        {"count": {"$eq": 3.0}},
        {"length": {"$gte": 10, "$lte": 50}},
        {"kind": {"$in": ["image", "video"]}},
        {"kind": {"$nin": ["image", "audio"]}},
        {"sound": {"$eq": True}},
        {"sound": {"$exists": True}},
        {"place": {"$exists": False}},
        {"kind": {"$startsWith": "vid"}},
        {"tags": {"$eq": "sea"}},
        {"tags": {"$in": ["land", 7]}},
        {"tags": {"$ne": "land"}},
        {"kind": "video", "count": 3},
        {"$and": [{"kind": "video"}, {"count": {"$gt": 1}}, {"sound": True}]},
        {"$or": [{"kind": "image"}, {"$and": [{"count": 3}, {"length": {"$lt": 13}}]}]},
        {"count": {"$in": [True, 3]}},
    ],
)
def test_a_satisfied_filter_matches(expression: dict):
    """Each operator, and their combinations, on a vector that satisfies them."""
    assert matches(expression)


@pytest.mark.parametrize(
    "expression",
    [
        {"kind": "image"},
        {"kind": {"$ne": "video"}},
        {"length": {"$gt": 12.5}},
        {"length": {"$gte": 10, "$lte": 12}},
        {"kind": {"$in": ["image", "audio"]}},
        {"kind": {"$nin": ["video"]}},
        {"tags": {"$ne": "sea"}},
        {"tags": {"$nin": ["sky"]}},
        {"tags": {"$gt": 1}},
        {"place": {"$eq": "sea"}},
        {"place": {"$ne": "sea"}},
        {"place": {"$nin": ["sea"]}},
        {"place": {"$exists": True}},
        {"kind": {"$exists": False}},
        {"kind": {"$startsWith": "Vid"}},
        {"count": {"$startsWith": "3"}},
        {"kind": "video", "count": 4},
        {"$and": [{"kind": "video"}, {"count": {"$gt": 3}}]},
        {"$or": [{"kind": "image"}, {"sound": False}]},
    ],
)
def test_an_unsatisfied_filter_does_not_match(expression: dict):
    """The same operators on a vector that does not satisfy them; a missing key satisfies nothing."""
    assert not matches(expression)


@pytest.mark.parametrize(
    ("expression", "metadata"),
    [
        ({"a": {"$eq": 1}}, {"a": True}),
        ({"a": {"$eq": True}}, {"a": 1}),
        ({"a": {"$eq": "1"}}, {"a": 1}),
        ({"a": {"$eq": 1}}, {"a": "1"}),
        ({"a": {"$in": [0, "true"]}}, {"a": False}),
        ({"a": {"$gt": 0}}, {"a": True}),
        ({"a": {"$gt": 0}}, {"a": "5"}),
    ],
)
def test_types_are_not_mixed(expression: dict, metadata: dict):
    """A number, a boolean and a string never equal one another."""
    assert not matches(expression, metadata)


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ([], "JSON object"),
        ({}, "at least one condition"),
        ("kind = video", "JSON object"),
        ({"$and": []}, "$and needs a non-empty array"),
        ({"$or": {"kind": "video"}}, "$or needs a non-empty array"),
        ({"$and": [{}]}, "at least one condition"),
        ({"$not": [{"kind": "video"}]}, "unknown operator $not"),
        ({"kind": {"$like": "v"}}, "unknown operator $like"),
        ({"kind": {}}, "is empty"),
        ({"kind": None}, "needs a string, a number or a boolean"),
        ({"kind": {"$eq": ["video"]}}, "needs a string, a number or a boolean"),
        ({"length": {"$gt": "12"}}, "needs a number"),
        ({"length": {"$lte": True}}, "needs a number"),
        ({"kind": {"$in": []}}, "needs a non-empty array"),
        ({"kind": {"$in": "video"}}, "needs a non-empty array"),
        ({"kind": {"$nin": [None]}}, "needs a non-empty array"),
        ({"kind": {"$exists": 1}}, "needs a boolean"),
        ({"kind": {"$startsWith": 1}}, "needs a string"),
    ],
)
def test_a_malformed_filter_is_refused(expression: Any, told: str):
    """Operators, value types and empty arrays are checked before the search."""
    with pytest.raises(AwsError) as caught:
        matches(expression)
    assert caught.value.code == "ValidationException"
    assert told in caught.value.message


def test_constraints_are_counted():
    """A hundred values may be compared, however they are spread; a hundred and one may not."""
    most = {"$or": [{"count": {"$in": list(range(98))}}, {"length": {"$gt": 1, "$lt": 2}}]}
    assert matches(most)
    most["$or"].append({"kind": "video"})
    with pytest.raises(AwsError, match="at most 100 constraints"):
        matches(most)
