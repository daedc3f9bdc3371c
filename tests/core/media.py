"""Makes tiny media of every format that Nova takes: a still, a tone, a clip with sound, a text."""

from __future__ import annotations

import io
import wave
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Format -> what FFmpeg calls the container, the picture's codec, and the sound's codec, if there is sound.
_CONTAINERS = {
    "mp4": ("mp4", "mpeg4", "aac"),
    "mov": ("mov", "mpeg4", "aac"),
    "mkv": ("matroska", "mpeg4", "aac"),
    "webm": ("webm", "libvpx", "libopus"),
    "flv": ("flv", "flv", None),
    "mpeg": ("mpeg", "mpeg1video", None),
    "mpg": ("mpeg", "mpeg1video", None),
    "wmv": ("asf", "wmv2", None),
    "3gp": ("3gp", "mpeg4", None),
}
_FRAMES_PER_SECOND = 25
_RATE = 48_000


@cache
def make_image(media_format: str) -> bytes:
    """A picture of 16 x 16."""
    data = io.BytesIO()
    Image.effect_noise((16, 16), 50).convert("RGB").save(data, media_format)
    return data.getvalue()


@cache
def make_sound(media_format: str, seconds: float = 0.3) -> bytes:
    """A tone of 440 Hz."""
    tone, data = _make_tone(seconds), io.BytesIO()
    if media_format == "wav":
        with wave.open(data, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(_RATE)
            file.writeframes(tone.tobytes())
        return data.getvalue()
    with av.open(data, "w", format=media_format) as container:
        stream = container.add_stream(
            {"mp3": "mp3", "ogg": "libopus"}[media_format], rate=_RATE, layout="mono"
        )
        _encode_tone(container, stream, tone)
    return data.getvalue()


@cache
def make_clip(media_format: str, seconds: float = 0.4) -> bytes:
    """A flickering clip of 64 x 48, with a tone where the format is one of those that mostly have sound."""
    name, picture_codec, sound_codec = _CONTAINERS[media_format]
    data = io.BytesIO()
    with av.open(data, "w", format=name) as container:
        picture: Any = container.add_stream(picture_codec, rate=_FRAMES_PER_SECOND)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream(sound_codec, rate=_RATE, layout="mono") if sound_codec else None
        for number in range(int(_FRAMES_PER_SECOND * seconds)):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), (number * 37) % 256, np.uint8))
            frame.pts, frame.time_base = number, Fraction(1, _FRAMES_PER_SECOND)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        if sound:
            _encode_tone(container, sound, _make_tone(seconds))
    return data.getvalue()


def _make_tone(seconds: float) -> NDArray[np.int16]:
    return (np.sin(np.arange(int(_RATE * seconds)) * 440 * 2 * np.pi / _RATE) * 9000).astype(np.int16)


def _encode_tone(container: Any, stream: Any, tone: NDArray[np.int16]) -> None:
    coder = stream.codec_context
    coder.open(strict=False)
    resampler = av.AudioResampler(
        format=coder.format, layout=coder.layout, rate=coder.sample_rate, frame_size=coder.frame_size or 1152
    )
    frame = av.AudioFrame.from_ndarray(tone[np.newaxis], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = _RATE, 0, Fraction(1, _RATE)
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))
