"""The text of segments: a window that moves forward over the source, and never tells of another version."""

from __future__ import annotations

import tracemalloc

import pytest
from botocore.exceptions import ClientError
from core.builders import ACCOUNT, make_source
from core.deployment import Deployment
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova_mme.source import Source
from nova_mme.source_text import SourceText

_TEXT = "Grüße,\r\n日本語 und ☕😀 – das Ende.\n"


def _open(buckets: Deployment, text: str = _TEXT) -> SourceText:
    return _read(buckets, buckets.upload("ünï.txt", text.encode()))


def _read(buckets: Deployment, source: Source, *, owner: str | None = None) -> SourceText:
    return SourceText(buckets.s3, source.location, source.etag, owner=owner)


def test_segments_read_as_they_lie(buckets: Deployment) -> None:
    """Positions are characters, not bytes; line ends are kept, or all later positions would be off."""
    text = _open(buckets)

    assert [text.read(0, 6), text.read(6, 9), text.read(12, 200)] == [_TEXT[:6], _TEXT[6:9], _TEXT[12:]]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300), st.lists(st.integers(0, 300), max_size=8)
)
def test_any_windows_in_order_are_slices(buckets: Deployment, text: str, bounds: list[int]) -> None:
    """Whatever the text, and whether or not there are gaps between the windows."""
    window, bounds = _open(buckets, text), sorted(set(bounds))

    for start, end in zip(bounds, bounds[1:], strict=False):
        assert window.read(start, end) == text[start:end]


@pytest.mark.parametrize(("start", "end"), [(None, 5), (3, None), (None, None), (5, 5), (6, 5)])
def test_an_unknown_or_empty_window_is_empty(buckets: Deployment, start: int | None, end: int | None) -> None:
    """And it does not move the window."""
    text = _open(buckets)

    assert text.read(start, end) == ""
    assert text.read(0, 3) == _TEXT[:3]


def test_what_lies_behind_is_empty(buckets: Deployment) -> None:
    """The window does not go back; what comes next is still right."""
    text = _open(buckets)
    text.read(4, 8)

    assert (text.read(2, 6), text.read(8, 10)) == ("", _TEXT[8:10])


def test_the_text_of_another_version_is_not_told(buckets: Deployment) -> None:
    """The object was changed after it was listed: every segment is without text."""
    source = buckets.upload("a.txt", b"version one")
    buckets.upload("a.txt", b"version two")

    assert _read(buckets, source).read(0, 7) == ""


def test_the_text_of_a_deleted_object_is_not_told(buckets: Deployment) -> None:
    """The vectors are stored all the same, without text."""
    assert _read(buckets, make_source("gone.txt")).read(0, 7) == ""


def test_what_may_pass_is_raised(buckets: Deployment) -> None:
    """A throttled read must not cost the segments their text."""
    source = buckets.upload("a.txt", b"text")
    buckets.put_faults({"operation": "s3.GetObject", "code": "SlowDown", "status": 503})

    with pytest.raises(ClientError, match="SlowDown"):
        _read(buckets, source)


def test_a_byte_that_is_no_utf_8_costs_one_character(buckets: Deployment) -> None:
    """It reads as a replacement character; what follows stays in its place."""
    source = buckets.upload("a.txt", b"ab\xffcd")

    assert _read(buckets, source).read(0, 5) == "ab\ufffdcd"


def test_a_utf_16_text_is_read_as_one(buckets: Deployment) -> None:
    """It passes for text before it is paid for, so its segments must not show gibberish."""
    source = buckets.upload("a.txt", "Grüße".encode("utf-16"))

    assert _read(buckets, source).read(0, 5).strip("\ufeff").startswith("Grüß")


def test_the_version_and_the_owner_are_asked_for(buckets: Deployment) -> None:
    """S3 itself compares them."""
    source: Source = buckets.upload("a.txt", b"text")
    with buckets.record("s3") as sent:
        _read(buckets, source, owner=ACCOUNT)

    (call,) = sent
    assert call.params["IfMatch"] == f'"{source.etag}"'
    assert call.params["ExpectedBucketOwner"] == ACCOUNT


def test_memory_is_that_of_a_segment(buckets: Deployment) -> None:
    """Not that of the file."""
    text = _open(buckets, "0123456789abcdef" * (1 << 18))
    tracemalloc.start()
    try:
        read = sum(len(text.read(start, start + 32_000)) for start in range(0, 1 << 22, 32_000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert read == 1 << 22
    assert peak < 1 << 20
