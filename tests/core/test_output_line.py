"""Lines of an output file: both parsers say the same, and the fast one takes what is good."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from core.builders import make_line, make_vectors
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_mme import output_line
from nova_mme.output_line import LineParser

_FAST, _PLAIN = LineParser(), LineParser(fast=False)
_NUMBERS = b",".join([b"0.5"] * 3072)


def _parse(parser: LineParser, line: bytes) -> tuple[Any, list[float] | None] | str:
    try:
        members, vector = parser.parse(line)
    except ValueError as error:
        return str(error)
    return members, None if vector is None else vector.view(np.uint64).tolist()


_LINES = {
    "good": make_line(3, segmentMetadata={"segmentIndex": 3, "segmentStartSeconds": 15, "x": None}),
    "whole numbers": make_line(0, [1, -2, 0] * 1024),
    "beyond 2^53": make_line(0, [2**53 + 1, 2**63 - 1, -(2**63)] * 1024),
    "beyond 2^63": make_line(0, [2**64 - 1, 0.5, -1] * 1024),
    "beyond 2^64": b'{"embedding":[18446744073709551616,' + b"1," * 3070 + b"1]}",
    "minus zero": b'{"embedding":[-0,-0.0,1e-400,' + b"1," * 3068 + b"1]}",
    "NaN": b'{"embedding":[NaN,' + b"1," * 3070 + b"1]}",
    "infinite": b'{"embedding":[1e400,' + b"1," * 3070 + b"1]}",
    "infinite whole number": b'{"embedding":[1' + b"0" * 400 + b"," + b"1," * 3070 + b"1]}",
    "3071": make_line(0, [0.5] * 3071),
    "3073": make_line(0, [0.5] * 3073),
    "none": make_line(0, []),
    "nested": make_line(0, [[0.5]] * 3072),
    "nested once": make_line(0, [[0.5] * 3072]),
    "nested and empty": make_line(0, [[0.5, 0.5], []] * 1536),
    "objects": make_line(0, [{"x": 0.5}] * 3072),
    "text": make_line(0, ["0.5"] * 3072),
    "null": make_line(0, [None] * 3072),
    "truth": make_line(0, [True, 0.5] * 1536),
    "embedding is null": b'{"embedding":null}',
    "embedding is a number": b'{"embedding":5,"a":[1]}',
    "no embedding": b'{"a":[1]}',
    "embedding twice": b'{"embedding":[1],"embedding":[' + _NUMBERS + b"]}",
    "status twice": b'{"status":"SUCCESS","status":"FAILURE","embedding":[' + _NUMBERS + b"]}",
    "index twice": b'{"segmentMetadata":{"segmentIndex":1,"segmentIndex":2},"embedding":[' + _NUMBERS + b"]}",
    "array in the metadata": b'{"segmentMetadata":{"a":[1]},"embedding":[' + _NUMBERS + b"]}",
    "bracket in a text": b'{"message":"[","embedding":[' + _NUMBERS + b"]}",
    "escaped name": b'{"embed\\u0064ing":[' + _NUMBERS + b"]}",
    "lone surrogate": b'{"message":"\\ud800","embedding":[' + _NUMBERS + b"]}",
    "no UTF-8": b'{"message":"\xff","embedding":[' + _NUMBERS + b"]}",
    "byte order mark": b'\xef\xbb\xbf{"embedding":[' + _NUMBERS + b"]}",
    "blanks around": b'  {"embedding" : [ ' + _NUMBERS + b" ] } \r\n",
    "rest behind": b'{"embedding":[' + _NUMBERS + b"]} x",
    "two objects": b'{"embedding":[' + _NUMBERS + b"]}{}",
    "NUL behind": b'{"embedding":[' + _NUMBERS + b"]}\0",
    "cut off": b'{"embedding":[' + _NUMBERS,
    "comma too many": b'{"embedding":[' + _NUMBERS + b",]}",
    "a list": b"[" + _NUMBERS + b"]",
    "no JSON": b"embedding",
    "nothing": b"",
    "all zero": make_line(0, [0.0] * 3072),
    "overflows": make_line(0, [1e300] * 3072),
}


@pytest.mark.parametrize("line", _LINES.values(), ids=_LINES.keys())
def test_both_parsers_say_the_same(line: bytes) -> None:
    """Members, bits and sentences, whatever is odd about a line, and a good line after it."""
    assert _parse(_FAST, line) == _parse(_PLAIN, line)
    assert _parse(_FAST, _LINES["good"]) == _parse(_PLAIN, _LINES["good"])


_FLOATS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e100, max_value=1e100)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(_FLOATS, st.integers(-(2**63), 2**64 - 1)), min_size=256, max_size=256),
    st.dictionaries(st.text(max_size=8), st.one_of(st.none(), st.text(max_size=8), _FLOATS), max_size=4),
)
def test_any_numbers_and_members_are_read_alike(numbers: list[float], members: dict[str, Any]) -> None:
    """To the last bit, and as Python's own parser reads them."""
    values = numbers * 12
    line = json.dumps({**members, "segmentMetadata": members, "embedding": values}).encode()

    assert _parse(_FAST, line) == _parse(_PLAIN, line)
    read, vector = _PLAIN.parse(line)
    assert read == {**members, "segmentMetadata": members}
    if vector is not None:
        np.testing.assert_array_equal(vector, np.array(values, np.float64))


def test_a_good_line_goes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the fast parser would be there for nothing."""
    line = make_line(0, make_vectors(1)[0].tolist())
    monkeypatch.setattr(output_line.orjson, "loads", None)

    for _ in range(3):  # no part of a line is kept, or the next one could not be parsed
        assert _FAST.parse(line)[1] is not None


def test_without_pysimdjson_lines_are_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no wheel of it for every Python."""
    monkeypatch.setattr(output_line, "simdjson", None)

    members, vector = LineParser().parse(make_line(7))

    assert members["segmentMetadata"] == {"segmentIndex": 7}
    np.testing.assert_array_equal(vector, np.full(3072, 0.5))


def test_the_vector_outlives_the_next_line() -> None:
    """It is a copy: the parser uses its memory again."""
    first = _FAST.parse(make_line(0, [0.25] * 3072))[1]
    for number in range(5):
        _FAST.parse(orjson.dumps({"embedding": [number + 1.0] * 3072}))

    np.testing.assert_array_equal(first, np.full(3072, 0.25))
