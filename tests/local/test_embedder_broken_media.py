"""Sounds and videos that are damaged, too long, or no sounds and videos at all."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import pytest
from local.cut_media import hear, spans, watch
from local.media_files import clip, encoded_sound, play, sound

from nova_mme_local.embedder.clips import Bounds
from nova_mme_local.embedder.refusals import TooLong, Undecodable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file name to write a test's media to."""
    return tmp_path / "media"


def test_a_damaged_packet_is_passed_over(path: Path) -> None:
    """One picture that does not decode costs that picture, not the film."""
    content = bytearray(clip(["disc", "sky"], media_format="webm", codec="libvpx"))
    path.write_bytes(content)
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][5]
        place, size = content.index(bytes(packet)), packet.size
    content[place : place + size] = b"\xff" * size
    path.write_bytes(content)
    with av.open(str(path)) as container, pytest.raises(av.error.InvalidDataError):
        list(container.decode(video=0))
    assert spans(watch(path, bytes(content), "webm")) == [(0, 2), (2, 4)]


def test_a_film_cut_off_keeps_its_beginning(path: Path) -> None:
    """Half of a streamable file still gives the segments that are in it."""
    whole = clip(["disc", "sky", "disc", "sky"], media_format="matroska")
    segments = watch(path, whole[: len(whole) // 2], "mkv")
    assert 1 <= len(segments) < 4
    assert segments[0].metadata["segmentStartSeconds"] == 0


@pytest.mark.parametrize(
    ("content", "media_format", "message"),
    [
        (b"no media at all", "mp4", "could not be read as mp4"),
        (sound("tone"), "mp4", "could not be read as mp4"),
        (clip(["disc"], media_format="matroska"), "mp4", "could not be read as mp4"),
        (clip(["disc"])[:300], "mp4", "could not be read as mp4"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", "mp4", "could not be read as mp4"),
        (encoded_sound(play("tone"), "mp4", "aac"), "mp4", "no video stream"),
    ],
)
def test_files_that_are_no_video(path: Path, content: bytes, media_format: str, message: str) -> None:
    """Other content, other formats, half a file, a playlist and sound alone are refused with a sentence."""
    with pytest.raises(Undecodable, match=message):
        watch(path, content, media_format)


@pytest.mark.parametrize(
    ("content", "media_format", "message"),
    [
        (b"no media at all", "mp3", "could not be read as mp3"),
        (sound("tone"), "mp3", "could not be read as mp3"),
        (sound("tone", seconds=0), "wav", "is empty|could not be read"),
        (sound("tone")[:20], "wav", "could not be read|no audio stream|is empty"),
    ],
)
def test_files_that_are_no_sound(path: Path, content: bytes, media_format: str, message: str) -> None:
    """Other content, other formats and nothing to hear are refused with a sentence."""
    with pytest.raises(Undecodable, match=message):
        hear(path, content, media_format)


def test_a_file_that_is_too_long_is_refused_by_its_header(path: Path) -> None:
    """Length and number of segments are checked before anything is decoded."""
    with pytest.raises(TooLong, match=r"lasts 3.0 seconds or more; at most 2 "):
        hear(path, sound("tone", seconds=3), bounds=Bounds(2, 1434))
    with pytest.raises(TooLong, match="3 seconds make 3 segments of 1 seconds, more than 2; use a larger"):
        hear(path, sound("tone", seconds=3), bounds=Bounds(7200, 2))
    with pytest.raises(TooLong, match="4 seconds make 2 segments"):
        watch(path, clip(["disc", "sky"]), bounds=Bounds(7200, 1))


@pytest.mark.parametrize(
    "film",
    [
        clip(["disc", "sky"], media_format="matroska"),
        clip(["disc"], seconds_each=0.1, sounds=["tone"] * 40, media_format="matroska"),
    ],
    ids=["pictures", "sound"],
)
def test_a_file_that_hides_its_length_is_refused_while_it_is_read(path: Path, film: bytes) -> None:
    """A header that speaks of one second does not let four pass, neither of pictures nor of sound."""
    content = bytearray(film)
    place = content.index(b"\x44\x89\x88") + 3  # Duration, of 8 bytes: milliseconds
    content[place : place + 8] = struct.pack(">d", 1000.0)
    with pytest.raises(TooLong, match="at most 2 are accepted"):
        watch(path, bytes(content), "mkv", bounds=Bounds(2, 1434))
