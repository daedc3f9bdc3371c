"""Recordings: their length and what is in them, found by a few ranged GETs; what is broken is named, what is unsure passes."""

from __future__ import annotations

import io
import struct
from typing import Any

import av
import pytest
from av.stream import Disposition
from botocore.exceptions import ClientError, EndpointConnectionError
from core.media import make_clip, make_sound
from core.memory_s3 import MemoryS3
from core.recordings import make_film, make_silence, make_wav

from nova_mme.errors import Reason
from nova_mme.modality import Modality
from nova_mme.preflight.object_file import HEAD_BYTES, ObjectFile
from nova_mme.preflight.recording import probe

_CLIPS = ("mp4", "mov", "mkv", "webm", "flv", "mpeg", "mpg", "wmv", "3gp")
_SOUNDS = ("mp3", "wav", "ogg")


@pytest.mark.parametrize("media_format", [*sorted(set(_CLIPS) - {"mpeg", "mpg"}), *_SOUNDS])
def test_the_length_is_what_the_header_says(media_format: str) -> None:
    """To a few hundredths of a second, in one GET."""
    body = make_clip(media_format) if media_format in _CLIPS else make_sound(media_format)
    s3 = MemoryS3.of(body)

    found = s3.inspect(f"a.{media_format}")

    assert found.seconds == pytest.approx(0.4 if media_format in _CLIPS else 0.3, abs=0.03)
    assert s3.ranges == [(0, HEAD_BYTES)] or s3.ranges == [(0, len(body))]


@pytest.mark.parametrize(
    ("media_format", "gets"),
    [("mp4", 2), ("mov", 2), ("mkv", 1), ("webm", 1), ("flv", 3), ("wmv", 1), ("mpg", 5)],
)
def test_a_large_film_costs_a_handful_of_calls(media_format: str, gets: int) -> None:
    """30 MB, its index at the end or nowhere: about 2 MB of it are read at most."""
    s3 = MemoryS3.of(make_film(media_format, 60, frame_bytes=20_000))

    found = s3.inspect(f"a.{media_format}")

    assert found.seconds == pytest.approx(60, abs=0.1)
    assert len(s3.ranges) <= gets
    assert sum(length for _, length in s3.ranges) < 2.2e6


def test_two_hours_make_too_many_segments_of_five_seconds() -> None:
    """The index of 36,000 pictures is read, and segments are made a second longer."""
    s3 = MemoryS3.of(make_film("3gp", 7200, frames_per_second=5))

    found = s3.inspect("a.3gp")

    assert (found.seconds, found.segment) == (7200, 6)
    assert len(s3.ranges) <= 4


def test_more_than_two_hours_are_too_long() -> None:
    """By half a second; an encoder's padding of a few hundredths is not counted."""
    bad = sparse_wav(7200.5).refusal("a.wav")

    assert bad
    assert (bad.reason, bad.message) == (
        Reason.TOO_LONG,
        "It lasts 7,200.5 s; the model takes 7,200 s of audio.",
    )
    assert sparse_wav(7200.05).inspect("a.wav").segment == 6


def sparse_wav(seconds: float) -> MemoryS3:
    """A WAV of so many seconds, of which there is only the header."""
    size = int(seconds * 8000)
    return MemoryS3({0: make_wav(0, claimed=size)}, 44 + size)


@pytest.mark.parametrize(
    ("name", "body", "reason", "told"),
    [
        ("a.mp4", make_silence(1), Reason.WRONG_CONTENT, "audio/ogg"),
        (
            "a.ogg",
            make_silence(0.5)[: make_silence(0.5).rindex(b"OggS")],
            Reason.BROKEN,
            "cut off (129 bytes)",
        ),
        ("a.wav", make_wav(0), Reason.NO_SOUND, "empty"),
        ("a.wav", make_wav(0, claimed=80_000), Reason.NO_SOUND, "empty"),
        ("a.wav", make_wav(1)[:30], Reason.BROKEN, "cut off (30 bytes)"),
        ("a.mp3", b"\xff\xfb\x90\x00" + bytes(range(1, 200)), Reason.BROKEN, "cannot be opened as mp3"),
        ("a.mp4", make_clip("mp4")[:2000], Reason.BROKEN, "cut off (2,000 bytes)"),
        ("a.mkv", make_clip("mkv")[:100], Reason.BROKEN, "cannot be opened as mkv"),
    ],
)
def test_nothing_to_see_or_to_hear(name: str, body: bytes, reason: Reason, told: str) -> None:
    """The sentence says what there is, with its numbers."""
    bad = MemoryS3.of(body).refusal(name)

    assert bad
    assert bad.reason is reason
    assert told in bad.message


def test_an_mp4_cut_off_behind_its_index_is_broken() -> None:
    """The index speaks of pictures, and the file ends where the first should be."""
    film = bytearray(make_film("3gp", 2))
    for place in _find_all(film, b"stco"):
        count = struct.unpack_from(">I", film, place + 8)[0]
        struct.pack_into(f">{count}I", film, place + 12, *(len(film) + n for n in range(count)))

    bad = MemoryS3.of(bytes(film)).refusal("a.3gp")

    assert bad
    assert bad.reason is Reason.BROKEN
    assert bad.message == f"Nothing follows its header: it was cut off ({len(film):,} bytes) or is damaged."


def _find_all(data: bytearray, name: bytes) -> list[int]:
    return [place for place in range(len(data)) if data[place : place + 4] == name]


def test_a_cover_is_no_picture() -> None:
    """The picture that music players show makes no video of a sound."""
    data = io.BytesIO()
    with av.open(io.BytesIO(make_sound("mp3"))) as model, av.open(data, "w", format="mp4") as container:
        cover: Any = container.add_stream("mjpeg")
        cover.width, cover.height, cover.pix_fmt = 16, 16, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        sound = container.add_stream_from_template(model.streams.audio[0])
        container.mux(cover.encode(av.VideoFrame(16, 16, "yuvj420p")))
        for packet in model.demux():
            if packet.size:
                packet.stream = sound
                container.mux(packet)

    bad = MemoryS3.of(data.getvalue()).refusal("a.mp4")

    assert bad
    assert (bad.reason, bad.message) == (
        Reason.NO_PICTURE,
        "It has no video stream, only a cover and audio.",
    )


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("webm without a duration", make_film("webm", 3, piped=True)),
        ("mkv without a duration", make_film("mkv", 3, piped=True)),
        ("wmv without a duration", make_film("wmv", 3, piped=True)),
    ],
)
def test_an_unknown_length_is_left_to_the_model(name: str, body: bytes) -> None:
    """Browsers record WebM without one; the recipe's segments are asked for."""
    found = MemoryS3.of(body).inspect(f"a.{name[:4].strip()}")

    assert (found.seconds, found.segment) == (None, 5)


def test_a_header_that_lies_is_left_to_the_model() -> None:
    """Hours in a few bytes cannot be; a WAV's claim is no longer than the file, and a claim of nothing is not believed."""
    mkv = bytearray(make_clip("mkv"))
    place = mkv.index(b"\x44\x89\x88") + 3  # Duration: a float of 8 bytes, in milliseconds
    mkv[place : place + 8] = struct.pack(">d", 1e9)

    assert MemoryS3.of(bytes(mkv)).inspect("a.mkv").seconds is None
    assert MemoryS3.of(make_wav(2, claimed=2**32 - 1)).inspect("a.wav").seconds == pytest.approx(2, abs=0.01)
    assert MemoryS3.of(make_wav(2, claimed=2**31)).inspect("a.wav").seconds == pytest.approx(2, abs=0.01)
    assert MemoryS3.of(make_wav(2, claimed=9000 * 8000)).inspect("a.wav").seconds == pytest.approx(
        2, abs=0.01
    )
    assert MemoryS3.of(make_wav(2, claimed=0)).inspect("a.wav").segment == 5


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.mp3", bytes(300) + make_sound("mp3")),
        ("a.mov", struct.pack(">I4s", 8, b"wide") + make_clip("mov")),
        ("a.mp4", make_clip("mp4").replace(b"isom", b"rare")),
    ],
    ids=["MP3 behind padding", "old QuickTime", "a rare brand"],
)
def test_what_begins_in_a_rare_way_is_judged_by_the_demuxer(name: str, body: bytes) -> None:
    """No signature is known, and FFmpeg reads it all the same."""
    assert MemoryS3.of(body).inspect(name).media_format == name.removeprefix("a.")


def test_a_size_that_points_nowhere_is_passed_over() -> None:
    """As where the file lies on a disk: FFmpeg cannot go there, and reads on where it was."""
    film = bytearray(make_clip("wmv"))
    film[51] = 77  # of the 8 bytes of the second object's size: 84 TB

    assert MemoryS3.of(bytes(film)).inspect("a.wmv").seconds == pytest.approx(0.4)


def test_an_estimate_refuses_nothing() -> None:
    """An MP3 of no counted frames is as long as its first frame makes it; only what even 320 kbit/s make too long is."""
    frame = b"\xff\xfb\x10\xc4" + bytes(100)  # 32 kbit/s at 44.1 kHz
    many = MemoryS3({n * 104: frame for n in range(2000)}, 200 * 2**20)
    more = MemoryS3({n * 104: frame for n in range(2000)}, 300 * 2**20)

    assert many.inspect("a.mp3").segment == 6
    assert more.reason("a.mp3") is Reason.TOO_LONG


def test_a_long_fragmented_film_is_not_walked_through() -> None:
    """Its length would cost a GET a fragment: left to the model, in segments that two hours fit in."""
    film = make_film("mp4", 60, frame_bytes=20_000, options={"movflags": "frag_keyframe+empty_moov"})
    s3 = MemoryS3.of(film)
    huge = MemoryS3({0: film}, 1 << 30)

    assert (s3.inspect("a.mp4").seconds, len(s3.ranges)) == (None, 1)
    assert (huge.inspect("a.mp4").segment, len(huge.ranges)) == (6, 1)
    assert "does not tell its length" in huge.inspect("a.mp4").note


def test_what_would_cost_too_much_is_left_to_the_model() -> None:
    """An index that is not read to its end: neither refused nor judged."""
    s3 = MemoryS3.of(make_film("3gp", 600, frame_bytes=200))
    file = ObjectFile(s3, s3.source("a.3gp"), most_bytes=300_000)

    assert probe(file, Modality.VIDEO, "3gp") is None
    assert sum(length for _, length in s3.ranges) <= 300_000


@pytest.mark.parametrize(
    "trouble",
    [
        ClientError({"Error": {"Code": "SlowDown"}}, "GetObject"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1"),
        KeyboardInterrupt(),
        SystemExit(143),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
def test_trouble_comes_through_ffmpeg(trouble: BaseException) -> None:
    """A throttle, a dead network, the end of the task: not a broken file, and not lost in native code."""
    s3 = MemoryS3.of(make_film("mp4", 20, frame_bytes=2000))
    s3.second = trouble

    with pytest.raises(type(trouble)) as caught:
        s3.inspect("a.mp4")

    assert caught.value is trouble
    assert len(s3.ranges) == 2


def test_a_film_that_changes_meanwhile_is_changed() -> None:
    """Between the first GET and the second."""
    s3 = MemoryS3.of(make_film("mp4", 20, frame_bytes=2000))
    s3.second = ClientError({"Error": {"Code": "PreconditionFailed"}}, "GetObject")

    assert s3.reason("a.mp4") is Reason.CHANGED


def test_titles_in_any_encoding_do_no_harm() -> None:
    """A comment in Latin-1, as old recorders write them."""
    wav = make_wav(1)
    info = b"INFOICMT" + struct.pack("<I", 6) + b"Gr\xfc\xdfe\x00"
    body = wav[:36] + b"LIST" + struct.pack("<I", len(info)) + info + wav[36:]

    assert MemoryS3.of(body).inspect("a.wav").seconds == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"\x00subfile,,start,0,end,0,,:/etc/hostname",
    ],
)
def test_no_content_makes_ffmpeg_open_anything_else(content: bytes) -> None:
    """A playlist is a text or a broken file, whatever its name."""
    for media_format in (*_CLIPS, *_SOUNDS):
        reason = MemoryS3.of(content).reason(f"a.{media_format}")
        assert reason in (Reason.WRONG_CONTENT, Reason.BROKEN)
