"""Images: cut-off ones are named, whole ones pass whatever follows them, and neither is downloaded."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from core.memory_s3 import MemoryS3
from PIL import Image

from nova_mme.errors import Reason

_FORMATS = ("png", "jpeg", "gif", "webp")


def _make(media_format: str, side: int = 64, **options: object) -> bytes:
    """Grey noise, which no format makes much smaller."""
    pixels = np.random.default_rng(0).integers(0, 255, (side, side), np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, media_format, **options)
    return data.getvalue()


@pytest.mark.parametrize("media_format", ["png", "jpeg", "webp"])
def test_an_image_that_was_cut_off_is_broken(media_format: str) -> None:
    """Wherever: in the header, in the middle, shortly before the end."""
    whole = _make(media_format)
    for end in (40, len(whole) // 3, len(whole) - 20):
        bad = MemoryS3.of(whole[:end]).refusal(f"a.{media_format}")
        assert bad
        assert bad.reason is Reason.BROKEN
        assert f"({end:,} bytes)" in bad.message


def test_a_gif_that_was_cut_off_before_its_first_pixel_is_broken() -> None:
    """Further on, most readers show what there is: the model may, too."""
    whole = _make("gif")

    assert MemoryS3.of(whole[:785]).reason("a.gif") is Reason.BROKEN
    assert MemoryS3.of(whole[:1000]).reason("a.gif") is None


@pytest.mark.parametrize("media_format", _FORMATS)
def test_what_follows_the_end_is_no_damage(media_format: str) -> None:
    """Phones append films and camera makers their notes; 200 KB of them hide the end from the tail."""
    whole = _make(media_format)
    for tail in (b"\n", bytes(200_000), b"notes" * 40_000):
        assert MemoryS3.of(whole + tail).reason(f"a.{media_format}") is None


@pytest.mark.parametrize(("media_format", "gets"), [("png", 2), ("jpeg", 2), ("gif", 1), ("webp", 1)])
def test_a_large_image_costs_two_calls(media_format: str, gets: int) -> None:
    """Its beginning and its end."""
    s3 = MemoryS3.of(_make(media_format, 1200, **({"quality": 95} if media_format == "jpeg" else {})))
    assert s3.size > 500_000

    assert s3.reason(f"a.{media_format}") is None
    assert len(s3.ranges) <= gets


def test_a_jpeg_whose_preview_has_an_end_is_still_cut_off() -> None:
    """The end of the small picture within is not the end of the large one."""
    preview = _make("jpeg", 8)
    whole = _make("jpeg", 64)
    note = b"\xff\xe1" + struct.pack(">H", 2 + len(preview)) + preview
    body = whole[:2] + note + whole[2:]

    assert MemoryS3.of(body).reason("a.jpg") is None
    assert MemoryS3.of(body[:-2]).reason("a.jpg") is Reason.BROKEN


def test_an_image_without_pixels_is_broken() -> None:
    """0 pixels wide or high."""
    png = bytearray(_make("png"))
    png[16:20] = bytes(4)
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    jpeg = bytearray(_make("jpeg"))
    place = jpeg.index(b"\xff\xc0")
    jpeg[place + 7 : place + 9] = bytes(2)
    gif = bytearray(_make("gif"))
    place = gif.index(b",", 13 + 768)
    gif[place + 5 : place + 7] = bytes(2)

    for name, body in (("a.png", png), ("a.jpg", jpeg), ("a.gif", gif)):
        bad = MemoryS3.of(bytes(body)).refusal(name)
        assert bad
        assert bad.reason is Reason.BROKEN
        assert " 0 " in f" {bad.message}"


def test_an_end_out_of_sight_is_left_to_the_model() -> None:
    """No more than 16 MiB of a file are read to find out."""
    s3 = MemoryS3({0: _make("png")[:1000]}, 40 * 2**20)

    assert s3.reason("a.png") is None
    assert len(s3.ranges) == 2


def test_a_jpeg_of_endless_notes_is_left_to_the_model() -> None:
    """Its first scan lies behind more than 16 MiB of them."""
    whole = _make("jpeg")
    note = b"\xff\xe1\xff\xff" + bytes(0xFFFD)
    s3 = MemoryS3.of(whole[:2] + 300 * note + whole[2:])

    assert s3.reason("a.jpg") is None
    assert sum(length for _, length in s3.ranges) <= 16 * 2**20
