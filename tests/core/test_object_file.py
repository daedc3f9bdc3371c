"""Ranged reading: every byte is right wherever one reads, few GETs, none twice, and never more than allowed."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from botocore.exceptions import ResponseStreamingError
from core.memory_s3 import MemoryS3
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_mme.errors import BadSource, Reason
from nova_mme.preflight.object_file import HEAD_BYTES, MOST_BYTES, ObjectFile, OverBudget, read_range

_BODY = random.Random(1).randbytes(3_000_000)


def _open(s3: MemoryS3, **options: object) -> ObjectFile:
    return ObjectFile(s3, s3.source("a.bin"), **options)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(_BODY) + 10), st.integers(0, 500_000)), max_size=12))
def test_what_is_read_is_what_is_there(places: list[tuple[int, int]]) -> None:
    """In any order, over any borders, past the end; and no byte is fetched a second time."""
    s3 = MemoryS3.of(_BODY)
    file = _open(s3)

    for start, length in places:
        assert file.read_at(start, length) == _BODY[start : start + length]

    fetched = sorted(s3.ranges)
    assert all(
        first + length <= after for (first, length), (after, _) in zip(fetched, fetched[1:], strict=False)
    )
    assert all(first + length <= len(_BODY) for first, length in fetched)


def test_who_reads_on_gets_more_each_time() -> None:
    """16 MiB from the beginning to the end: seven GETs."""
    s3 = MemoryS3({}, MOST_BYTES)

    assert len(_open(s3).read_at(0, MOST_BYTES)) == MOST_BYTES
    assert [length // HEAD_BYTES for _, length in s3.ranges] == [1, 2, 4, 8, 16, 16, 16, 1]


def test_the_neighbourhood_comes_along() -> None:
    """Demuxers go back a little: that is there already."""
    s3 = MemoryS3.of(_BODY)
    file = _open(s3)

    assert file.read_at(1_000_000, 9) == _BODY[1_000_000:1_000_009]
    assert file.read_at(990_000, 9) == _BODY[990_000:990_009]
    assert s3.ranges == [(15 * 65_536, HEAD_BYTES)]


def test_no_more_is_read_than_allowed() -> None:
    """By one byte over, none is fetched; what was read before is there still."""
    s3 = MemoryS3.of(_BODY)
    file = _open(s3, most_bytes=HEAD_BYTES)

    assert file.head() == _BODY[:HEAD_BYTES]
    with pytest.raises(OverBudget, match="too much"):
        file.read_at(HEAD_BYTES, 1)
    assert file.read_at(5, 5) == _BODY[5:10]
    assert len(s3.ranges) == 1


def test_it_takes_no_longer_than_allowed() -> None:
    """Seconds by the clock that it is given."""
    now = [100.0]
    file = _open(MemoryS3.of(_BODY), most_seconds=10, clock=lambda: now[0])
    now[0] = 109.9
    assert file.read_at(0, 1)

    now[0] = 110.1
    with pytest.raises(OverBudget, match="too long"):
        file.read_at(0, 1)


def test_a_body_that_breaks_is_fetched_again() -> None:
    """Twice; botocore does not do that. The third time, the task has to try again."""
    s3 = MemoryS3(parts={0: b"abc"}, size=3, breaks=2)
    assert read_range(s3, s3.source("a.txt"), 0, 3) == (b"abc", "x/y")
    assert len(s3.ranges) == 3

    s3.breaks = 3
    with pytest.raises(ResponseStreamingError):
        read_range(s3, s3.source("a.txt"), 0, 3)


def test_the_whole_is_read_through_in_pieces() -> None:
    """Not kept, and not counted against what may be read."""
    s3 = MemoryS3({0: b"begin", 9_999_997: b"end"}, 10_000_000)
    file = _open(s3, most_bytes=0)

    pieces = list(file.read_through())

    assert max(map(len, pieces)) == 4 * 2**20
    assert b"".join(pieces) == b"begin" + bytes(9_999_992) + b"end"


def test_another_version_is_not_mixed_in() -> None:
    """The object was changed between two GETs."""
    s3 = MemoryS3.of(_BODY)
    file = ObjectFile(s3, replace(s3.source("a.bin"), etag="v0"))

    with pytest.raises(BadSource) as caught:
        file.head()

    assert caught.value.reason is Reason.CHANGED
