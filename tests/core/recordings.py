"""Makes recordings that are long or odd without encoding them: packets of a tiny one, written over and over."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from typing import Any

import av
from core.media import make_clip, make_sound

_NAMES = {"mkv": "matroska", "wmv": "asf", "mpg": "mpeg"}
_RATE = 48_000

# An Opus packet of two frames of 60 ms of silence: a byte that says so, and the number of frames (RFC 6716, 3.2.5).
_SILENCE, _SILENCE_SECONDS = b"\x1b\x02", Fraction(12, 100)


class _Pipe:
    """What cannot seek: the muxer must do without coming back to its header."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += bytes(data)
        return len(data)


@cache
def make_silence(seconds: float) -> bytes:
    """An Ogg of so much silence, in 25 bytes a second."""
    data = io.BytesIO()
    with av.open(io.BytesIO(make_sound("ogg"))) as model, av.open(data, "w", format="ogg") as container:
        stream = container.add_stream_from_template(model.streams.audio[0])
        for number in range(int(seconds / _SILENCE_SECONDS)):
            _write(container, stream, _SILENCE, number * _SILENCE_SECONDS, _SILENCE_SECONDS)
    return data.getvalue()


def make_film(
    media_format: str,
    seconds: float,
    *,
    frame_bytes: int = 0,
    frames_per_second: int = 25,
    options: Mapping[str, str] | None = None,
    piped: bool = False,
) -> bytes:
    """A video of so many seconds in a real container; its pictures all have the first one's packet, padded.

    :param piped: written without coming back, so that no duration gets into the header of most formats.
    """
    target: Any = _Pipe() if piped else io.BytesIO()
    name, frame = _NAMES.get(media_format, media_format), Fraction(1, frames_per_second)
    with (
        av.open(io.BytesIO(make_clip(media_format))) as model,
        av.open(target, "w", format=name, options=dict(options or {})) as container,
    ):
        streams = {stream.type: container.add_stream_from_template(stream) for stream in model.streams}
        packets = {packet.stream.type: bytes(packet) for packet in model.demux() if packet.is_keyframe}
        heard = Fraction(0)
        for number in range(int(seconds * frames_per_second)):
            picture = packets["video"].ljust(frame_bytes, b"\x55")
            _write(container, streams["video"], picture, number * frame, frame)
            while "audio" in streams and heard < (number + 1) * frame:
                _write(container, streams["audio"], packets["audio"], heard, Fraction(1024, _RATE))
                heard += Fraction(1024, _RATE)
    return bytes(target.data if piped else target.getvalue())


def _write(container: Any, stream: Any, data: bytes, at: Fraction, length: Fraction) -> None:
    packet = av.Packet(data)
    packet.stream, packet.time_base = stream, Fraction(1, _RATE)
    packet.pts = packet.dts = int(at * _RATE)
    packet.duration = int(length * _RATE)
    packet.is_keyframe = True
    container.mux(packet)


def make_wav(seconds: float, *, claimed: int | None = None, rate: int = 8000) -> bytes:
    """A WAV of 8-bit silence; ``claimed`` is the number of bytes of sound that its header speaks of."""
    sound = bytes([128]) * int(seconds * rate)
    size = len(sound) if claimed is None else claimed
    shape = struct.pack("<IHHIIHH", 16, 1, 1, rate, rate, 1, 8)
    return (
        struct.pack("<4sI8s", b"RIFF", min(36 + size, 2**32 - 1), b"WAVEfmt ")
        + shape
        + struct.pack("<4sI", b"data", size)
        + sound
    )
