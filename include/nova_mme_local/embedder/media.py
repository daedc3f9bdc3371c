"""Decodes sound and moving pictures as streams, so that a film of two hours takes no more memory than a clip."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nova_mme_local.embedder.picture import SIDE, Pixels
from nova_mme_local.embedder.refusals import Undecodable
from nova_mme_local.embedder.sound import RATE, Samples

# The schema's formats -> FFmpeg's demuxers. Only these may be opened: others (playlists, concatenation
# scripts) would make FFmpeg read files that the uploaded content names.
_DEMUXERS = {
    **dict.fromkeys(("mp4", "mov", "3gp"), "mov,mp4,m4a,3gp,3g2,mj2"),
    **dict.fromkeys(("mkv", "webm"), "matroska,webm"),
    **dict.fromkeys(("mpeg", "mpg"), "mpeg,mpegvideo,mpegts"),
    "flv": "flv",
    "wmv": "asf",
    "mp3": "mp3",
    "wav": "wav,w64",
    "ogg": "ogg",
}

# FFmpeg looks for other codecs in 5 MB of a WAV file's samples before it believes the header: 30 ms a file.
_OPTIONS = {"wav": {"probesize": "32768"}}

# A header may round, and an encoder pads sound by a few hundredths of a second.
SLACK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Shape:
    """What a file holds, known before anything is decoded; `seconds` is the longest stream's duration."""

    seconds: float
    pictures: bool
    sound: bool


def probe(path: Path, media_format: str) -> Shape:
    """Find out duration and streams of a file.

    :raises Undecodable: not a file of that format, or neither sound nor pictures in it.
    """
    with _open(path, media_format) as container:
        streams = container.streams
        shape = Shape(_find_duration(container), bool(streams.video), bool(streams.audio))
    if not (shape.pictures or shape.sound):
        raise Undecodable(f"The {media_format} file has neither a video nor an audio stream")
    return shape


class SoundStream:
    """The first audio stream as mono samples at 16 kHz, in pieces, from the file's time 0 on.

    Packets that do not decode are passed over. A stream that begins later than the file is led in by silence.

    :ivar end: seconds that were heard so far.
    """

    def __init__(self, path: Path, media_format: str) -> None:
        self._path, self._format = path, media_format
        self.end = 0.0

    def __iter__(self) -> Iterator[Samples]:
        for piece in self._read():
            self.end += len(piece) / RATE
            yield piece

    def _read(self) -> Iterator[Any]:
        import av

        with _open(self._path, self._format) as container:
            stream = next(iter(container.streams.audio), None)
            resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
            first = True
            frames = itertools.chain.from_iterable(
                frames for _, frames in (_decode(container, stream) if stream else ())
            )
            for frame in frames:
                if first:
                    yield from _lead_in((frame.time or 0.0) - _find_start(container))
                    first = False
                frame.pts = None  # samples are counted: the resampler must not repair gaps
                yield from (piece.to_ndarray().ravel() for piece in resampler.resample(frame))
            if not first:
                yield from (piece.to_ndarray().ravel() for piece in resampler.resample(None))


class PictureStream:
    """Pictures of the first video stream as (seconds since the file's start, 64 x 64 pixels).

    At most one picture per `every` seconds is handed out.

    :ivar end: seconds that the stream has lasted so far, all pictures counted.
    """

    def __init__(self, path: Path, media_format: str, *, every: float) -> None:
        self._path, self._format, self._every = path, media_format, every
        self.end = 0.0

    def __iter__(self) -> Iterator[tuple[float, Pixels]]:
        with _open(self._path, self._format) as container:
            stream = next(iter(container.streams.video), None)
            if stream is not None:
                yield from self._pick(container, stream)

    def _pick(self, container: Any, stream: Any) -> Iterator[tuple[float, Pixels]]:
        from av.video.reformatter import VideoReformatter

        if stream.codec_context is None:
            raise Undecodable("There is no decoder for its pictures.")
        # Half the work for most codecs; the pictures left are close enough to each other in time.
        stream.codec_context.skip_frame = "NONREF"
        scaler, start, due = VideoReformatter(), _find_start(container), 0
        for packet, frames in _decode(container, stream):
            self.end = max(self.end, _find_end(packet, stream) - start)
            for frame in frames:
                time = max(0.0, (frame.time or 0.0) - start)
                if time + 1e-6 >= due * self._every:
                    due = int((time + 1e-6) // self._every) + 1
                    small = scaler.reformat(frame, SIDE, SIDE, format="rgb24", interpolation="AREA")
                    pixels: Any = small.to_ndarray()
                    yield time, pixels


@contextlib.contextmanager
def _open(path: Path, media_format: str) -> Iterator[Any]:
    import av

    whitelist = {"format_whitelist": _DEMUXERS[media_format]}
    try:
        with av.open(
            str(path),
            options=_OPTIONS.get(media_format, {}) | whitelist,
            metadata_errors="replace",  # titles in Latin-1 are common
        ) as container:
            yield container
    except av.FFmpegError as error:
        raise Undecodable(f"The content could not be read as {media_format}: {error.strerror}") from error


def _decode(container: Any, stream: Any) -> Iterator[tuple[Any, list[Any]]]:
    """Yield every packet of the stream with the frames that came out of the decoder upon it."""
    import av

    damaged = decoded = False
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            frames, damaged = [], True
        decoded = decoded or bool(frames)
        yield packet, frames
    if damaged and not decoded:
        raise Undecodable(f"Nothing of the {stream.type} stream could be decoded; the file is damaged")


def _find_duration(container: Any) -> float:
    import av

    if container.duration:
        return float(container.duration / av.time_base)
    # Streamed files say nothing of their length: look at every packet, decode none.
    end = max((_find_end(packet, packet.stream) for packet in container.demux()), default=0.0)
    return max(0.0, end - _find_start(container))


def _find_start(container: Any) -> float:
    import av

    return float((container.start_time or 0) / av.time_base)


def _find_end(packet: Any, stream: Any) -> float:
    time = packet.dts if packet.pts is None else packet.pts
    if time is None:
        return 0.0  # the empty packet that flushes the decoder
    tick = float(packet.time_base)
    if packet.duration:
        return float(time + packet.duration) * tick
    rate = getattr(stream, "average_rate", None)
    return float(time) * tick + (float(1 / rate) if rate else 0.0)


def _lead_in(seconds: float) -> Iterator[Samples]:
    if seconds > SLACK_SECONDS:
        yield np.zeros(round(seconds * RATE), np.float32)
