"""Tiny pictures, sounds and clips for tests: a few classes that differ in looks or sound, and variants of each."""

from __future__ import annotations

import io
import math
import random
import wave
from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

PICTURES = ("stripes", "disc", "sky")
SOUNDS = ("tone", "noise", "clicks")
RATE = 16_000


def draw(kind: str, variant: int = 0, *, size: tuple[int, int] = (96, 72)) -> NDArray[np.uint8]:
    """Draw a picture of a class as RGB pixels (height, width, 3)."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    shift = variant * 3
    if kind == "stripes":
        level = np.where(((x + shift) // 8) % 2, 230, 20)
        planes = (level, level // 3, 20 + 0 * level)
    elif kind == "disc":
        inside = (x - width / 2 - shift) ** 2 + (y - height / 2) ** 2 < (height / 4 + variant) ** 2
        planes = (np.where(inside, 30, 240), np.where(inside, 180, 240), np.where(inside, 60, 240))
    else:
        level = 255 - y * 200 // height
        planes = (level // 3 + shift, level // 2, level)
    return np.stack(planes, axis=2).astype(np.uint8)


def picture(kind: str, variant: int = 0, *, media_format: str = "png") -> bytes:
    """Encode a picture of a class."""
    file = io.BytesIO()
    Image.fromarray(draw(kind, variant)).save(file, media_format)
    return file.getvalue()


def play(kind: str, variant: int = 0, *, seconds: float = 2.0, rate: int = RATE) -> NDArray[np.float32]:
    """Make a sound of a class as mono samples."""
    time = np.arange(round(seconds * rate)) / rate
    if kind == "tone":
        samples = 0.4 * np.sin(2 * np.pi * (440 + 6 * variant) * time)
    elif kind == "noise":
        source = random.Random(variant)
        samples = np.array([source.uniform(-0.3, 0.3) for _ in time])
    else:
        samples = 0.8 * np.exp(-60 * (time % (0.25 + variant / 200)))
    return samples.astype(np.float32)


def sound(kind: str, variant: int = 0, *, seconds: float = 2.0, rate: int = RATE) -> bytes:
    """Encode a sound of a class as WAV."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((play(kind, variant, seconds=seconds, rate=rate) * 32_000).astype("<i2").tobytes())
    return file.getvalue()


def encoded_sound(
    samples: NDArray[np.float32], media_format: str, codec: str, *, rate: int = 48_000
) -> bytes:
    """Encode samples with a codec of FFmpeg."""
    file = io.BytesIO()
    with av.open(file, "w", format=media_format) as out:
        _write_sound(out, out.add_stream(codec, rate=rate, layout="mono"), samples, rate)
    return file.getvalue()


def clip(
    scenes: Sequence[str],
    *,
    seconds_each: float = 2.0,
    sounds: Sequence[str] = (),
    media_format: str = "mp4",
    codec: str = "mpeg4",
    fps: int | Fraction = 10,
    times: Sequence[int] = (),
    sound_from: float = 0.0,
) -> bytes:
    """Encode a video: one scene (a class of pictures that moves) after the other, with one sound for each.

    :param times: when each picture is shown, in frames; one after the other unless given.
    :param sound_from: second at which the sound begins.
    """
    file = io.BytesIO()
    with av.open(file, "w", format=media_format) as out:
        video = out.add_stream(codec, rate=fps)
        video.width, video.height, video.pix_fmt = 96, 72, "yuv420p"
        audio = out.add_stream("aac", rate=RATE, layout="mono") if sounds else None
        for number in range(math.ceil(len(scenes) * seconds_each * fps)):
            scene = scenes[min(int(number / fps / seconds_each), len(scenes) - 1)]
            frame = av.VideoFrame.from_ndarray(draw(scene, number % 4), format="rgb24")
            frame.pts = times[number] if times else number
            out.mux(video.encode(frame))
        out.mux(video.encode())
        if audio is not None:
            heard = [play(kind, seconds=seconds_each) for kind in sounds]
            _write_sound(out, audio, np.concatenate(heard), RATE, begin=round(sound_from * RATE))
    return file.getvalue()


def _write_sound(
    out: av.container.OutputContainer,
    stream: av.AudioStream,
    samples: NDArray[np.float32],
    rate: int,
    *,
    begin: int = 0,
) -> None:
    for start in range(0, len(samples), 1024):
        piece = samples[np.newaxis, start : start + 1024]
        frame = av.AudioFrame.from_ndarray(piece, format="flt", layout="mono")
        frame.sample_rate, frame.pts = rate, begin + start
        out.mux(stream.encode(frame))
    out.mux(stream.encode())
