"""Segment lengths: the recipe's where it is legal, the shortest legal longer one where it is not, and a sentence about it."""

from __future__ import annotations

import math

import pytest
from core.memory_s3 import MemoryS3
from core.recordings import make_wav

from nova_mme.errors import BadSource, Reason
from nova_mme.modality import Modality
from nova_mme.preflight.object_file import HEAD_BYTES, ObjectFile
from nova_mme.preflight.recording import Recording
from nova_mme.preflight.segment_length import WORD_CHARACTERS, SegmentLength, fit_recording
from nova_mme.recipe import Recipe
from nova_mme_local.embedder.segments import split_text

_MOST_AUDIO, _MOST_TEXT = 1434, 1900
_SHORT = Recipe(Modality.TEXT, segment=800)


def _fit(seconds: float | None, wanted: int, *, exact: bool = True, size: int = 1000) -> SegmentLength:
    s3 = MemoryS3({}, size)
    found = Recording(seconds, exact) if seconds else None
    return fit_recording(ObjectFile(s3, s3.source("a.wav")), Recipe(Modality.AUDIO, segment=wanted), found)


@pytest.mark.parametrize(
    ("seconds", "wanted", "segment"),
    [
        (7170.0, 5, 5),
        (7170.02, 5, 6),
        (7200.0, 5, 6),
        (7200.0, 6, 6),
        (7200.0, 1, 6),
        (7200.0, 30, 30),
        (1434.0, 1, 1),
        (1434.5, 1, 2),
        (0.01, 1, 1),
    ],
)
def test_seconds(seconds: float, wanted: int, segment: int) -> None:
    """At most 1,434 segments, none shorter than asked for, and none longer than needed."""
    found = _fit(seconds, wanted)

    assert found.segment == segment
    assert math.ceil(seconds / segment) <= _MOST_AUDIO
    assert segment == wanted or math.ceil(seconds / (segment - 1)) > _MOST_AUDIO
    assert bool(found.note) == (segment != wanted)


def test_the_note_says_why() -> None:
    """With the numbers; an estimate is called one, and counts as two hours at most."""
    end = "would make 1,440 segments, and Nova takes 1,434."
    assert _fit(7200, 5).note == f"Segments of 6 s instead of 5 s: the file's 7,200 s {end}"
    assert (
        _fit(9000, 5, exact=False).note == f"Segments of 6 s instead of 5 s: the file's about 7,200 s {end}"
    )
    assert _fit(None, 5) == SegmentLength(5)
    large = _fit(None, 5, size=100 * 2**20)
    assert large.note == (
        f"Segments of 6 s instead of 5 s: the file does not tell its length, and two hours {end}"
    )


def test_what_no_legal_segment_is_long_enough_for_is_refused() -> None:
    """12 hours; the model's other limit, of two hours, is checked before."""
    with pytest.raises(BadSource) as caught:
        _fit(43_200, 5)

    assert (caught.value.reason, caught.value.message) == (
        Reason.TOO_MANY_SEGMENTS,
        "Its 43,200 s make 1,440 segments even of 30 s; the model takes 1,434 segments.",
    )


def test_the_file_is_judged_by_its_own_length() -> None:
    """A recipe of 1 s and half an hour of sound."""
    body = make_wav(0, claimed=1800 * 8000)

    found = MemoryS3({0: body}, 44 + 1800 * 8000).inspect("a.wav", Recipe(Modality.AUDIO, segment=1))

    assert (found.seconds, found.segment) == (1800, 2)


def _text(characters: int, letter: str = "a") -> MemoryS3:
    word = letter * 7 + " "
    return MemoryS3.of((word * (characters // 8 + 1))[:characters].encode())


def test_a_text_within_the_limit_by_its_bytes_is_not_read() -> None:
    """1,900 segments of at least 700 characters: a text of 1.33 MB passes by its size."""
    s3 = _text(1_330_000)

    assert s3.inspect("a.txt", _SHORT).segment == 800
    assert len(s3.ranges) == 1


def test_characters_count_and_not_bytes() -> None:
    """Two bytes each: too many by their bytes, few enough when they are counted."""
    s3 = _text(1_200_000, "ü")
    assert s3.size > 2_000_000

    found = s3.inspect("a.txt", _SHORT)

    assert (found.segment, found.note) == (800, "")
    assert sum(length for _, length in s3.ranges[1:]) == s3.size


def test_a_text_of_too_many_segments_gets_longer_ones() -> None:
    """With room for a word at each end: segments end at word boundaries. The model's own way to cut agrees."""
    text = "Sentences of many words, some of them extraordinarily long. " * 40_000
    s3 = MemoryS3.of(text.encode())

    found = s3.inspect("a.txt", _SHORT)

    assert found.segment == math.ceil(2_400_000 / _MOST_TEXT) + WORD_CHARACTERS == 1364
    assert found.note == (
        "Segments of 1,364 characters instead of 800: the text's 2,400,000 characters would make "
        "up to 3,429 segments, and Nova takes 1,900."
    )
    assert sum(1 for _ in split_text(text, 1364)) <= _MOST_TEXT < sum(1 for _ in split_text(text, 800))


def test_a_text_too_long_for_any_segments_is_refused() -> None:
    """Over 1,900 x 50,000 characters; counting stops there. Just below, the longest are asked for."""
    most = _MOST_TEXT * 50_000
    over = MemoryS3({0: b"a" * HEAD_BYTES}, 2 * most)

    bad = over.refusal("a.txt")

    assert bad
    assert (bad.reason, bad.message) == (
        Reason.TOO_MANY_SEGMENTS,
        "It has more than 95,000,000 characters, too many even for segments of 50,000; "
        "the model takes 1,900 segments.",
    )
    assert over.ranges[-1][0] < most < sum(over.ranges[-1])
    assert MemoryS3.of(b"a" * most).inspect("a.txt").segment == 50_000
