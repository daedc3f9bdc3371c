"""How long a recording is, and whether there is anything to see and to hear in it: from its headers, undecoded.

FFmpeg's demuxers, through PyAV, read the few parts of the object that they need by ranged GETs. No decoder runs.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nova_mme.errors import BadSource, Reason
from nova_mme.modality import Modality
from nova_mme.preflight.object_file import MOST_SECONDS, ObjectFile, OverBudget

log = logging.getLogger(__name__)

# Amazon Nova user guide, "Embeddings schema", "File limitations": audio and video of at most two hours.
MOST_HOURS = 2
MOST_RECORDING_SECONDS = MOST_HOURS * 3600.0

# An encoder pads sound by a few hundredths of a second, and headers round: that much over is not too long.
_SLACK_SECONDS = 0.1

# The schema's formats -> FFmpeg's demuxers. A demuxer is always named, never guessed by FFmpeg: an uploaded
# playlist or concatenation script would make it open files and addresses that the content names.
_DEMUXERS = {
    **dict.fromkeys(("mp4", "mov", "3gp"), "mov"),
    **dict.fromkeys(("mkv", "webm"), "matroska"),
    "flv": "flv",
    "wmv": "asf",
    "mp3": "mp3",
    "wav": "wav",
    "ogg": "ogg",
}

# What "mpeg" files may begin with other than a pack of a program stream: a video's sequence header, or the
# sync byte of a transport stream's packets of 188 bytes (ISO/IEC 13818-1).
_MPEG_SEQUENCE = b"\x00\x00\x01\xb3"
_MPEG_SYNC, _MPEG_PACKET = 0x47, 188

# Without a list of streams at their beginning: what has not turned up yet may still come.
_NO_STREAM_LIST = frozenset({"flv", "mpeg", "mpegts", "mpegvideo"})

# Bytes of packets that FFmpeg reads at most, in search of streams and of what a stream is like.
# With WAV it would look for compressed sound in all of it.
_PROBE_BYTES = {**dict.fromkeys(_NO_STREAM_LIST, 1024 * 1024), "wav": 32 * 1024}
_OTHER_PROBE_BYTES = 128 * 1024

# A fragmented MP4 has no index: its duration is known after a visit to each fragment, which a longer file is
# not worth.
_FRAGMENTED_MARK = b"mvex"
_MOST_FRAGMENTED_BYTES = 4 * 1024 * 1024
_OPTIONS = {
    "analyzeduration": "10000000",  # microseconds of media
    "codec_whitelist": "none",  # no decoder is opened: nothing that is uploaded is decoded here
    "protocol_whitelist": "none",  # nothing but the object is opened, whatever it refers to
}

# Farther than any S3 object reaches, and than a disk lets one seek.
_FARTHEST = 1 << 43

# The highest bit rate that a frame of MPEG audio layer III can have (ISO/IEC 11172-3): a file lasts at least
# as long as that makes it.
_MP3_MOST_BITS = 320_000
_MP3_TAGS = (b"Xing", b"Info", b"VBRI")  # hold the number of frames, in the first one
_MP3_TAG_WITHIN = 4096


@dataclass(frozen=True, slots=True)
class Recording:
    """What the headers tell of an audio or video file.

    :ivar seconds: of the longest stream; None when they do not tell, or tell what cannot be.
    :ivar exact: whether a file may be refused for it; an estimate is good enough to choose a segment length.
    """

    seconds: float | None
    exact: bool


def probe(file: ObjectFile, modality: Modality, media_format: str) -> Recording | None:
    """Judge an audio or video file by its headers and by its first packets.

    :return: None when it cannot be judged at a reasonable price, or by FFmpeg at all: the model will tell.
    :raises BadSource: BROKEN, NO_PICTURE, NO_SOUND, TOO_LONG; or that the object cannot be read (any more).
    :raises ClientError: throttles and faults of S3.
    """
    try:
        import av  # only here: it takes a twentieth of a second, and most sources are no recordings
    except ImportError:  # its wheels hold GPL code, which not everybody may install
        log.warning("PyAV is not installed: %s is sent to the model as it is.", file.source.uri)
        return None

    demuxer = _find_demuxer(file, media_format)
    stream_kind = "video" if modality is Modality.VIDEO else "audio"
    try:
        with _open(file, demuxer) as container:
            found = _read_length(container, demuxer, file)
            _require_media(container, stream_kind, demuxer, file)
    except BadSource:
        raise
    except (av.FFmpegError, OverBudget, ValueError, OverflowError) as error:
        if isinstance(error, av.error.InvalidDataError | av.error.EOFError) or _is_damage(error):
            raise _broken(file, f"It cannot be opened as {media_format}") from error
        log.info("%s could not be judged, the model will tell: %s", file.source.uri, error)
        return None
    if found.exact and found.seconds and found.seconds > MOST_RECORDING_SECONDS + _SLACK_SECONDS:
        most = f"the model takes {show_seconds(MOST_RECORDING_SECONDS)} of {modality}"
        message = f"It lasts {show_seconds(found.seconds)}; {most}."
        raise BadSource(file.source.uri, Reason.TOO_LONG, message)
    return found


def show_seconds(seconds: float) -> str:
    """To the hundredth, for people: ``7,200.5 s``."""
    return f"{seconds:,.2f}".rstrip("0").rstrip(".") + " s"


def _find_demuxer(file: ObjectFile, media_format: str) -> str:
    if media_format in _DEMUXERS:
        return _DEMUXERS[media_format]
    head = file.head()
    if head.startswith(_MPEG_SEQUENCE):
        return "mpegvideo"
    return "mpegts" if head[: 2 * _MPEG_PACKET : _MPEG_PACKET] == bytes([_MPEG_SYNC] * 2) else "mpeg"


@contextmanager
def _open(file: ObjectFile, demuxer: str) -> Iterator[Any]:
    """Open the object with FFmpeg; whatever went wrong with reading it is raised, not what FFmpeg made of it."""
    import av

    reader = _Reader(file)
    try:
        with av.open(
            reader,
            "r",
            format=demuxer,
            options=_set_options(file, demuxer),
            metadata_errors="replace",  # titles in Latin-1 are common, and nothing to us
            timeout=(MOST_SECONDS, MOST_SECONDS),
        ) as container:
            yield container
    finally:
        if reader.trouble is not None:
            raise reader.trouble


def _set_options(file: ObjectFile, demuxer: str) -> dict[str, str]:
    options = _OPTIONS | {"probesize": str(_PROBE_BYTES.get(demuxer, _OTHER_PROBE_BYTES))}
    return options | ({"fflags": "ignidx"} if _is_long_fragmented(file, demuxer) else {})


def _is_long_fragmented(file: ObjectFile, demuxer: str) -> bool:
    return demuxer == "mov" and file.size > _MOST_FRAGMENTED_BYTES and _FRAGMENTED_MARK in file.head()


class _Reader:
    """The file that FFmpeg reads from; nothing is raised through its native code.

    After a failure it reads as ended, and ``trouble`` says why: PyAV would keep an exception of a callback for
    whatever call comes next, and would lose the one by which Airflow ends a task.
    """

    def __init__(self, file: ObjectFile) -> None:
        self.trouble: BaseException | None = None
        self._file, self._place = file, 0

    def read(self, length: int) -> bytes:
        """At most that many bytes; none at the end, and after a failure."""
        if self.trouble is not None:
            return b""
        try:
            data = self._file.read_some(self._place, length)
        except BaseException as error:  # noqa: BLE001 - raised again by _open, once FFmpeg has returned
            self.trouble = error
            return b""
        self._place += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move as io.IOBase.seek does; -1, an error to FFmpeg, for a place that no file has, as on a disk."""
        place = offset + (0, self._place, self._file.size)[whence]
        if not 0 <= place <= _FARTHEST:
            return -1
        self._place = place
        return place

    def tell(self) -> int:
        """Where the next read begins."""
        return self._place


def _read_length(container: Any, demuxer: str, file: ObjectFile) -> Recording:
    import av

    seconds = float(container.duration / av.time_base) if container.duration else None
    exact = True
    match demuxer:
        case "mpeg" | "mpegts" | "mpegvideo":  # from the last time stamp, which may have jumped on the way
            exact = False
        case "mp3":
            seconds, exact = _read_mp3_length(seconds, file)
        case "wav":
            seconds = _bound_by_size(seconds, container, file)
        case "mov" if _is_long_fragmented(file, demuxer):
            seconds = None  # what FFmpeg tells is the first fragment's
        case "matroska" | "flv" if all(stream.duration for stream in container.streams):
            # No duration in the header: FFmpeg has divided the size by the bit rate that it knows of.
            seconds = None
        case "flv":  # a live stream's time stamps do not begin at 0, and its length is its last one
            exact = (container.start_time or 0) < av.time_base
    if seconds is not None and not 0 < seconds < file.size:
        seconds = None  # less than a byte a second: no recording is like that, so the header is wrong
    return Recording(seconds, exact and seconds is not None)


def _read_mp3_length(seconds: float | None, file: ObjectFile) -> tuple[float | None, bool]:
    """Without a tag that counts the frames, FFmpeg estimates from the first frame's bit rate."""
    begin = _find_sound(file.head())
    if any(tag in file.read_at(begin, _MP3_TAG_WITHIN) for tag in _MP3_TAGS):
        return seconds, True
    least = (file.size - begin) * 8 / _MP3_MOST_BITS
    return (least, True) if least > MOST_RECORDING_SECONDS else (seconds, False)


def _find_sound(head: bytes) -> int:
    """Where an MP3's ID3v2 tag, which may hold a large picture, ends (id3.org, "ID3 tag version 2.4.0")."""
    if not head.startswith(b"ID3") or len(head) < 10:
        return 0
    size = 0
    for part in head[6:10]:
        size = size << 7 | part & 0x7F
    return 10 + size


def _bound_by_size(seconds: float | None, container: Any, file: ObjectFile) -> float | None:
    """The size in a WAV's header may be a placeholder or of a longer file; its byte rate and the object's size are not."""
    coders = (stream.codec_context for stream in container.streams.audio)
    rate = max((coder.bit_rate or 0 for coder in coders if coder is not None), default=0)
    return min(seconds, file.size * 8 / rate) if seconds and rate else seconds


def _is_damage(error: Exception) -> bool:
    """The demuxers of Matroska and ASF report damage as errors of reading; what those are is raised by _open."""
    return isinstance(error, OSError) and error.errno in (errno.EIO, errno.EPERM)


def _require_media(container: Any, kind: str, demuxer: str, file: ObjectFile) -> None:
    streams = [stream for stream in container.streams if stream.type == kind and not _is_cover(stream)]
    if not streams:
        if demuxer in _NO_STREAM_LIST and file.size > _PROBE_BYTES[demuxer]:
            return  # it may come further on
        others = {stream.type for stream in container.streams} & {"audio", "video"}
        if not others:
            raise _broken(file, "It holds neither pictures nor sound")
        named = " and ".join(sorted("a cover" if other == kind else other for other in others))
        raise _missing(file, kind, f"It has no {kind} stream, only {named}.")
    if any(packet.size for packet in container.demux(streams)):
        return
    if container.duration:
        raise _broken(file, "Nothing follows its header")
    raise _missing(file, kind, f"Its {kind} stream is empty (0 s).")


def _is_cover(stream: Any) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _broken(file: ObjectFile, found: str) -> BadSource:
    message = f"{found}: it was cut off ({file.size:,} bytes) or is damaged."
    return BadSource(file.source.uri, Reason.BROKEN, message)


def _missing(file: ObjectFile, kind: str, message: str) -> BadSource:
    reason = Reason.NO_PICTURE if kind == "video" else Reason.NO_SOUND
    return BadSource(file.source.uri, reason, message)
