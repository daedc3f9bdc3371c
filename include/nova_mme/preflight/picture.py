"""Whether an image file is whole, from its headers and its end, undecoded; what is not certain is the model's to judge."""

from __future__ import annotations

import logging
import struct

from nova_mme.errors import BadSource, Reason
from nova_mme.preflight.object_file import MOST_BYTES, ObjectFile, OverBudget

log = logging.getLogger(__name__)

_TAIL_BYTES = 64 * 1024

_PNG_END = b"IEND\xaeB`\x82"

_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = 0xDA
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 (ITU-T T.81, table B.1)
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length


class _CutOff(Exception):
    """The file ends where something must follow."""


def check_picture(file: ObjectFile, media_format: str) -> None:
    """Look at an image's size in pixels, and for its end.

    :param media_format: png, jpeg, gif or webp, as found by content.
    :raises BadSource: BROKEN when it is certainly cut off, or has no pixels; or that the object cannot be read.
    :raises ClientError: throttles and faults of S3.
    """
    check = {"png": _check_png, "jpeg": _check_jpeg, "gif": _check_gif, "webp": _check_webp}[media_format]
    try:
        flaw = check(file)
    except _CutOff:
        flaw = "it is cut off"
    except OverBudget as error:
        log.info("%s The model will tell whether the image is whole.", error)
        return
    if flaw:
        message = f"The {media_format} image is broken: {flaw} ({file.size:,} bytes)."
        raise BadSource(file.source.uri, Reason.BROKEN, message)


def _check_png(file: ObjectFile) -> str:
    """Its size stands in the first chunk, IHDR; each is 4 bytes of length, 4 of kind, data, and 4 of checksum."""
    kind, width, height = struct.unpack(">4sII", _take(file, 12, 12))
    if kind == b"IHDR" and not (width and height):
        return f"it has {width} x {height} pixels"
    if _PNG_END in _read_tail(file, 0) or file.size > MOST_BYTES:
        return ""
    place = 8
    while (chunk := _take(file, place, 8))[4:] != b"IEND":  # what follows the end is no part of the image
        place += 12 + int.from_bytes(chunk[:4], "big")
    return ""


def _check_jpeg(file: ObjectFile) -> str:
    """Walk the segments to the first scan: 2 bytes of marker, 2 of length, and what these count."""
    place = 2
    while True:
        mark, kind = _take(file, place, 2)
        if mark != 0xFF:
            return ""  # damaged, perhaps: decoders differ in what they forgive
        if kind == 0xFF or kind in _JPEG_ALONE:
            place += 1 if kind == 0xFF else 2
            continue
        if kind == _JPEG_END[1]:
            return "it ends before its first pixel"
        length = int.from_bytes(_take(file, place + 2, 2), "big")
        if kind in _JPEG_FRAMES and not any(_take(file, place + 7, 2)):  # no height is told further on
            return "it is 0 pixels wide"
        place += 2 + length
        if kind == _JPEG_SCAN:
            return _find_jpeg_end(file, place)


def _find_jpeg_end(file: ObjectFile, scan: int) -> str:
    """In a scan's data, a 0xFF that is no marker is followed by a 0: what reads as the end is the end."""
    if _JPEG_END in _read_tail(file, scan) or file.size > MOST_BYTES:
        return ""
    return "" if _JPEG_END in file.read_at(scan, file.size - scan) else "it has no end, so it was cut off"


def _check_gif(file: ObjectFile) -> str:
    """Walk the blocks to the first picture (GIF89a specification, 17 to 24)."""
    place = 13 + _palette(_take(file, 10, 1)[0])
    while True:
        kind = _take(file, place, 1)
        if kind == b",":
            width, height, flags = struct.unpack("<HHB", _take(file, place + 5, 5))
            if not (width and height):
                return f"its first picture has {width} x {height} pixels"
            _take(file, place + 10 + _palette(flags), 3)  # code size, and a first block of at least a byte
            return ""
        if kind == b";":
            return "it ends before its first picture"
        if kind != b"!":
            return ""
        place += 2
        while length := _take(file, place, 1)[0]:
            place += 1 + length
        place += 1


def _palette(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _check_webp(file: ObjectFile) -> str:
    """The container tells its own length (WebP container specification, "WebP file header")."""
    claimed = 8 + int.from_bytes(_take(file, 4, 4), "little")
    return f"of its {claimed:,} bytes some are missing" if claimed > file.size + 1 else ""


def _read_tail(file: ObjectFile, begin: int) -> bytes:
    return file.read_at(max(begin, file.size - _TAIL_BYTES), _TAIL_BYTES)


def _take(file: ObjectFile, place: int, length: int) -> bytes:
    data = file.read_at(place, length)
    if len(data) < length:
        raise _CutOff
    return data
