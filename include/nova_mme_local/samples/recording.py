"""Writes samples and frames into WAV, MP3, Ogg, MP4, WebM and MOV files, the same bytes each time.

`+bitexact` leaves out what FFmpeg's muxers otherwise put in at random (Ogg serial numbers, Matroska ids)
or from the clock, and one thread keeps the video encoders' decisions the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from nova_mme_local.samples.sounds import RATE, Samples

CONTAINER_OPTIONS = {"fflags": "+bitexact"}


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """An encoder and what it wants to be fed with."""

    codec: str
    rate: int
    layout: str = "mono"
    bit_rate: int | None = None
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ClipFormat:
    codec: str
    options: tuple[tuple[str, str], ...]
    sound: SoundFormat


WAV = SoundFormat("pcm_s16le", RATE)
MP3 = SoundFormat("libmp3lame", RATE, bit_rate=48_000)
# FFmpeg's own Vorbis encoder is marked experimental and takes stereo only.
OGG = SoundFormat("vorbis", 44_100, layout="stereo", options=(("strict", "experimental"),))
AAC = SoundFormat("aac", 44_100, bit_rate=64_000)
OPUS = SoundFormat("libopus", 48_000, bit_rate=48_000)
SOUND_FORMATS = {".wav": WAV, ".mp3": MP3, ".ogg": OGG}

H264 = ClipFormat("libx264", (("crf", "27"), ("preset", "slow"), ("threads", "1")), AAC)
VP9 = ClipFormat("libvpx-vp9", (("crf", "42"), ("b", "0"), ("threads", "1"), ("row-mt", "0")), OPUS)
CLIP_FORMATS = {".mp4": H264, ".mov": H264, ".webm": VP9}


def write_sound(path: Path, samples: Samples) -> None:
    """Write mono samples at RATE in the format that the name of the file ends in."""
    with av.open(str(path), "w", options=CONTAINER_OPTIONS) as container:
        stream = add_sound_stream(container, SOUND_FORMATS[path.suffix])
        encode_sound(container, stream, samples)


def write_clip(
    path: Path, frames: Iterable[Image.Image], *, size: tuple[int, int], rate: int, sound: Samples | None
) -> None:
    """Write RGB frames of `size`, `rate` a second, and a sound track if any, as the name of the file says."""
    clip = CLIP_FORMATS[path.suffix]
    with av.open(str(path), "w", options=CONTAINER_OPTIONS) as container:
        video: Any = container.add_stream(clip.codec, rate=rate, options=dict(clip.options))
        video.pix_fmt = "yuv420p"
        video.width, video.height = size
        audio = None if sound is None else add_sound_stream(container, clip.sound)
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_image(picture)
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            encode_sound(container, audio, sound)


def add_sound_stream(container: Any, form: SoundFormat) -> Any:
    stream = container.add_stream(form.codec, rate=form.rate, layout=form.layout, options=dict(form.options))
    if form.bit_rate:
        stream.bit_rate = form.bit_rate
    return stream


def encode_sound(container: Any, stream: Any, samples: Samples) -> None:
    """Resample to what the encoder of `stream` takes, encode and write, to the last packet."""
    coder = stream.codec_context
    coder.open(strict=False)
    resampler = av.AudioResampler(
        format=coder.format, layout=coder.layout, rate=coder.sample_rate, frame_size=coder.frame_size or 4096
    )
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None, :]), format="flt", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), 0
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))
