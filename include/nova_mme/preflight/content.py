"""Look at an object before it costs money: is it what its name says, whole, and within the model's limits?

It takes one GET of 256 KiB for a text, an image or a short recording, a second one for the end of a large image,
and a handful for a long recording, whose index may be anywhere. Nothing is downloaded whole, but for a text that
may have too many segments, which is read through once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nova_mme.errors import BadSource, Reason
from nova_mme.modality import Modality
from nova_mme.preflight.object_file import ObjectFile
from nova_mme.preflight.picture import check_picture
from nova_mme.preflight.plain_text import require_words
from nova_mme.preflight.recording import probe
from nova_mme.preflight.segment_length import SegmentLength, fit_recording, fit_text
from nova_mme.preflight.signature import find_format
from nova_mme.recipe import Recipe
from nova_mme.source import Source


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an object turned out to be.

    :ivar media_format: the schema's name of the format that the bytes have; ``text`` for text.
    :ivar content_type: what S3 says of the object.
    :ivar segment: the segment length to ask the model for: the recipe's, or the shortest legal longer one.
    :ivar seconds: how long a recording is by its headers; None for other media, and when they do not tell.
    :ivar note: a sentence for people when the segment is not the recipe's; empty otherwise.
    """

    media_format: str
    content_type: str
    segment: int | None = None
    seconds: float | None = None
    note: str = ""


def inspect(s3: Any, source: Source, recipe: Recipe, *, owner: str | None = None) -> Inspection:
    """Check one source within the model's limits, by its size, its first bytes and its headers.

    What cannot be told for certain is left for the model to judge.

    :param owner: the expected account id of the bucket's owner.
    :raises BadSource: empty, too large, too long, broken, nothing to see or to hear in it, not what its name
        says, more segments than the model takes; or missing, changed, unreadable.
    :raises ClientError: throttles and faults of S3, for the task to retry.
    """
    limits = recipe.modality.limits
    if source.size == 0:
        raise BadSource(source.uri, Reason.EMPTY, "The file is empty (0 bytes).")
    if source.size > limits.max_bytes:
        message = (
            f"The file has {source.size:,} bytes; the model takes {limits.max_bytes:,} of {recipe.modality}."
        )
        raise BadSource(source.uri, Reason.TOO_LARGE, message)
    file = ObjectFile(s3, source, owner=owner)
    media_format = find_format(file, recipe.modality)
    length, seconds = _look_closer(file, recipe, media_format)
    return Inspection(media_format, file.content_type, length.segment, seconds, length.note)


def _look_closer(file: ObjectFile, recipe: Recipe, media_format: str) -> tuple[SegmentLength, float | None]:
    match recipe.modality:
        case Modality.TEXT:
            require_words(file)
            return fit_text(file, recipe), None
        case Modality.AUDIO | Modality.VIDEO:
            found = probe(file, recipe.modality, media_format)
            return fit_recording(file, recipe, found), found.seconds if found else None
        case Modality.IMAGE:
            check_picture(file, media_format)
    return SegmentLength(recipe.segment), None
