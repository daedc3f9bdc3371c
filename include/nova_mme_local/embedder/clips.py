"""Cuts sound and video into segments of a given length and embeds each, holding no more than one segment of sound."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from nova_mme_local.embedder.embedder import Embedder
from nova_mme_local.embedder.media import SLACK_SECONDS, PictureStream, SoundStream, probe
from nova_mme_local.embedder.picture import describe_picture
from nova_mme_local.embedder.projection import Vector
from nova_mme_local.embedder.refusals import TooLong, Undecodable
from nova_mme_local.embedder.segments import Segment
from nova_mme_local.embedder.sound import RATE, Samples

_Item = TypeVar("_Item")

_PICTURES_PER_SEGMENT = 8
_LEAST_SAMPLES = RATE // 16  # shorter tails say nothing about a sound


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is accepted of a file: seconds, and segments."""

    seconds: float
    segments: int = 1


@dataclass(frozen=True, slots=True)
class Cut:
    """Where segments end.

    :ivar seconds: length of a segment; None makes one segment of the whole.
    :ivar duration: what the file's header says.
    """

    seconds: float | None
    duration: float
    bounds: Bounds

    def __post_init__(self) -> None:
        """Refuse by the header, before hours are spent on decoding."""
        self.check(self.duration)
        segments = math.ceil((self.duration - SLACK_SECONDS) / self.step)
        if segments > self.bounds.segments:
            raise TooLong(
                f"{self.duration:.0f} seconds make {segments:,} segments of {self.step:g} seconds, more than "
                f"{self.bounds.segments:,}; use a larger durationSeconds"
            )

    @property
    def step(self) -> float:
        """Length of a segment in seconds."""
        return self.seconds or self.bounds.seconds + 1

    def find_end(self, index: int) -> float:
        """Where segment `index` ends; a tail too short to be a segment of its own is part of the last one."""
        end = (index + 1) * self.step
        return end + 2 * SLACK_SECONDS if abs(self.duration - end) <= SLACK_SECONDS else end

    def check(self, seconds: float) -> None:
        """Raise TooLong when the media goes on for longer than accepted, whatever its header says."""
        if seconds > self.bounds.seconds + SLACK_SECONDS:
            raise TooLong(
                f"The media lasts {seconds:.1f} seconds or more; at most {self.bounds.seconds:g} are accepted"
            )


def cut_sound(
    path: Path, media_format: str, *, seconds: float | None, bounds: Bounds, embedder: Embedder
) -> Iterator[Segment]:
    """Yield the segments of an audio file.

    :raises Undecodable: no audio stream, or nothing that decodes in it.
    :raises TooLong: over `bounds`.
    """
    shape = probe(path, media_format)
    if not shape.sound:
        raise Undecodable(f"The {media_format} file has no audio stream")
    cut = Cut(seconds, shape.seconds, bounds)
    stream = SoundStream(path, media_format)
    heard = False
    for index, samples, last in _mark_last(_split_samples(stream, cut)):
        heard = True
        metadata = _place(index, cut, stream.end if last else None)
        yield Segment("AUDIO", embedder.embed_sound(samples), metadata)
    if not heard:
        raise Undecodable(f"The audio stream of the {media_format} file is empty")


def cut_video(
    path: Path,
    media_format: str,
    *,
    seconds: float | None,
    bounds: Bounds,
    separate: bool,
    embedder: Embedder,
) -> Iterator[Segment]:
    """Yield the segments of a video file; with `separate`, a VIDEO and (unless silent) an AUDIO one for each.

    Pictures that end before the sound stand still; sound that ends before the pictures is followed by silence.

    :raises Undecodable: no video stream, or nothing that decodes in it.
    :raises TooLong: over `bounds`.
    """
    shape = probe(path, media_format)
    if not shape.pictures:
        raise Undecodable(f"The {media_format} file has no video stream")
    cut = Cut(seconds, shape.seconds, bounds)
    every = min(cut.step, max(shape.seconds, 1.0)) / _PICTURES_PER_SEGMENT
    pictures, sound = PictureStream(path, media_format, every=every), SoundStream(path, media_format)
    pairs = itertools.zip_longest(_group_pictures(pictures, cut), _split_samples(sound, cut))
    still: Sequence[Vector] = ()
    for index, (group, samples), last in _mark_last(pairs):
        still = group or still[-1:]
        if not still:
            break
        end = max(pictures.end, sound.end) if last else None
        heard = samples if samples is not None and len(samples) >= _LEAST_SAMPLES else None
        yield from _embed_clip(still, heard, _place(index, cut, end), separate=separate, embedder=embedder)
    if not still:
        raise Undecodable(f"The video stream of the {media_format} file holds no picture that can be decoded")


def _embed_clip(
    pictures: Sequence[Vector],
    samples: Samples | None,
    metadata: dict[str, int | float],
    *,
    separate: bool,
    embedder: Embedder,
) -> Iterator[Segment]:
    if not separate:
        yield Segment("AUDIO_VIDEO_COMBINED", embedder.embed_clip(pictures, samples), metadata)
        return
    yield Segment("VIDEO", embedder.embed_clip(pictures), metadata)
    if samples is not None:
        yield Segment("AUDIO", embedder.embed_sound(samples), metadata)


def _place(index: int, cut: Cut, end: float | None) -> dict[str, int | float]:
    """Build segmentMetadata; `end` is the real end of the media, for the last segment."""
    start = index * cut.step
    stop = (index + 1) * cut.step if end is None else end
    return {
        "segmentIndex": index,
        "segmentStartSeconds": round(start, 3),
        "segmentEndSeconds": round(max(stop, start), 3),
    }


def _split_samples(pieces: Iterable[Samples], cut: Cut) -> Iterator[Samples]:
    held: list[Samples] = []
    index = given = received = 0
    for piece in pieces:
        held.append(piece)
        received += len(piece)
        cut.check(received / RATE)
        while received >= (end := round(cut.find_end(index) * RATE)):
            block = np.concatenate(held)
            yield block[: end - given]
            held, given, index = [block[end - given :]], end, index + 1
    if received > given:
        yield np.concatenate(held)


def _group_pictures(stream: PictureStream, cut: Cut) -> Iterator[list[Vector]]:
    """Yield the features of each segment's pictures; where no new picture comes, the last one stands still."""
    index = 0
    group: list[Vector] = []
    still: list[Vector] = []
    for start, pixels in stream:
        cut.check(start)
        features = describe_picture(pixels)
        while start >= cut.find_end(index):
            yield group or still or [features]
            index, still, group = index + 1, group[-1:] or still, []
        group.append(features)
    while group:
        yield group
        group = group[-1:] if stream.end > cut.find_end(index) + SLACK_SECONDS else []
        index += 1


def _mark_last(items: Iterable[_Item]) -> Iterator[tuple[int, _Item, bool]]:
    """Yield (number, item, whether it is the last)."""
    index = 0
    held: list[_Item] = []
    for item in items:
        if held:
            yield index, held.pop(), False
            index += 1
        held.append(item)
    if held:
        yield index, held.pop(), True
