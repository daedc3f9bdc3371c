"""Damage of every kind, thousands of times: a file is judged or refused with a reason, and never anything else happens."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from functools import cache

import pytest
from core.media import make_clip, make_image, make_sound
from core.memory_s3 import MemoryS3
from core.recordings import make_film, make_wav
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova_mme.preflight.content import Inspection

_CLIPS = ("mp4", "mov", "mkv", "webm", "flv", "mpeg", "wmv", "3gp")
_FORMATS = (*_CLIPS, "mp3", "wav", "ogg", "png", "jpeg", "gif", "webp", "txt", "pdf", "docx")

_fuzz = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def _make(media_format: str) -> bytes:
    if media_format in _CLIPS:
        return make_clip(media_format)
    if media_format in ("mp3", "ogg"):
        return make_sound(media_format)
    if media_format == "docx":
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("[Content_Types].xml", "<Types/>")
        return archive.getvalue()
    makers: dict[str, Callable[[], bytes]] = {
        "wav": lambda: make_wav(0.2),
        "txt": lambda: "Grüße aus der Küche.\n".encode() * 40,
        "pdf": lambda: b"%PDF-1.7\n" + bytes(range(256)) * 4,
    }
    return makers.get(media_format, lambda: make_image(media_format))()


def _judge(media_format: str, body: bytes) -> Inspection | None:
    """What came of it; a refusal must be whole: a sentence, a reason, a next step."""
    s3 = MemoryS3.of(body)
    bad = s3.refusal(f"a.{media_format}")
    if bad is None:
        return s3.inspect(f"a.{media_format}")
    assert bad.message.endswith(".")
    assert bad.reason.next_step
    assert len(s3.ranges) <= 3
    return None


@pytest.mark.parametrize("media_format", _FORMATS)
@_fuzz
@given(st.data())
def test_truncation(media_format: str, data: st.DataObject) -> None:
    """Cut off anywhere, with nothing or zeros in place of what is missing."""
    body = _make(media_format)
    end = data.draw(st.integers(0, len(body)))

    _judge(media_format, body[:end])
    _judge(media_format, body[:end].ljust(len(body), b"\0"))


@pytest.mark.parametrize("media_format", _FORMATS)
@_fuzz
@given(st.data())
def test_flipped_bytes(media_format: str, data: st.DataObject) -> None:
    """A few bytes are others: mostly in the header, where they matter."""
    body = bytearray(_make(media_format))
    places = st.one_of(st.integers(0, min(600, len(body) - 1)), st.integers(0, len(body) - 1))
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        body[place] = value

    _judge(media_format, bytes(body))


@pytest.mark.parametrize("media_format", _FORMATS)
@_fuzz
@given(st.data())
def test_large_numbers(media_format: str, data: st.DataObject) -> None:
    """Lengths and counts of the header are as large as they can be, or nothing, or negative."""
    body = bytearray(_make(media_format))
    place = data.draw(st.integers(0, len(body) - 1))
    value = data.draw(
        st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff" * 8])
    )
    body[place : place + len(value)] = value

    _judge(media_format, bytes(body))


@pytest.mark.parametrize("media_format", _FORMATS)
@_fuzz
@given(st.binary(max_size=400))
def test_anything(media_format: str, body: bytes) -> None:
    """Bytes of no meaning, and the same behind the format's first sixteen."""
    _judge(media_format, body)
    _judge(media_format, _make(media_format)[:16] + body)


@pytest.mark.parametrize("media_format", _FORMATS)
def test_the_undamaged_pass(media_format: str) -> None:
    """Or the tests above would pass for nothing."""
    assert _judge(media_format, _make(media_format))


def test_a_film_with_a_damaged_index_costs_no_more_than_allowed() -> None:
    """Its sizes send the reader everywhere in a gigabyte: 16 MiB, and then it is over."""
    film = make_film("mp4", 4)
    index = film.rindex(b"moov")
    for place in range(index, min(index + 400, len(film) - 4), 4):
        body = film[:place] + b"\x01\x00\x00\x00" + film[place + 4 :]
        s3 = MemoryS3({0: body}, 1 << 30)
        s3.refusal("a.mp4")
        assert sum(length for _, length in s3.ranges) <= 16 * 2**20
