"""The segment length to ask the model for: the recipe's, or the shortest longer one that makes few enough segments."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nova_mme.errors import BadSource, Reason
from nova_mme.preflight.object_file import ObjectFile
from nova_mme.preflight.plain_text import count_characters, find_encoding
from nova_mme.preflight.recording import MOST_RECORDING_SECONDS, Recording, show_seconds
from nova_mme.recipe import Recipe

# A segment of text ends at the last word boundary within its length, so it is shorter than asked for by up to
# a word. Few words are longer than this, and hardly ever do they stand at boundaries one after the other.
WORD_CHARACTERS = 100

# A video of under 64 MiB that lasts two hours would have 75 kbit/s: there is hardly one.
_SHORT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SegmentLength:
    """What to ask for, in characters or seconds (None for what is not cut), and why, if it is not the recipe's."""

    segment: int | None
    note: str = ""


def fit_recording(file: ObjectFile, recipe: Recipe, found: Recording | None) -> SegmentLength:
    """The shortest legal whole number of seconds, from the recipe's up, that makes at most 1,434 segments.

    An estimate of more than two hours counts as two hours: the model takes no more. So does what lasts no
    known time, if it is large enough for two hours; if not, it gets the recipe's.

    :raises BadSource: TOO_MANY_SEGMENTS when even the longest legal segments are too many.
    """
    wanted, limits = recipe.segment or 0, recipe.modality.limits
    if found is not None and found.seconds is not None:
        seconds = found.seconds if found.exact else min(found.seconds, MOST_RECORDING_SECONDS)
        about = f"the file's {'' if found.exact else 'about '}{show_seconds(seconds)}"
    elif file.size < _SHORT_BYTES:
        return SegmentLength(wanted)
    else:
        seconds, about = MOST_RECORDING_SECONDS, "the file does not tell its length, and two hours"
    segment = max(wanted, math.ceil(seconds / limits.max_segments))
    if segment == wanted:
        return SegmentLength(wanted)
    if segment > (longest := limits.segment_max or 0):
        count = math.ceil(seconds / longest)
        raise _too_many(
            file, recipe, f"Its {show_seconds(seconds)} make {count:,} segments even of {longest} s"
        )
    return SegmentLength(
        segment,
        f"Segments of {segment} s instead of {wanted} s: {about} would make "
        f"{math.ceil(seconds / wanted):,} segments, and Nova takes {limits.max_segments:,}.",
    )


def fit_text(file: ObjectFile, recipe: Recipe) -> SegmentLength:
    """The shortest legal number of characters, from the recipe's up, that makes at most 1,900 segments.

    A text has at most as many characters as bytes; only when so many would be too many is it read and counted.

    :raises BadSource: TOO_MANY_SEGMENTS when even the longest legal segments are too many.
    """
    wanted, limits = recipe.segment or 0, recipe.modality.limits
    longest = limits.segment_max or 0
    least_bytes = 2 if find_encoding(file.head()) == "utf-16" else 1
    if _estimate(file.size // least_bytes, wanted) <= limits.max_segments:
        return SegmentLength(wanted)
    most = limits.max_segments * longest
    count = count_characters(file, most=most)
    if count > most:
        made = f"It has more than {most:,} characters, too many even for segments of {longest:,}"
        raise _too_many(file, recipe, made)
    if (before := _estimate(count, wanted)) <= limits.max_segments:
        return SegmentLength(wanted)
    segment = min(longest, math.ceil(count / limits.max_segments) + WORD_CHARACTERS)
    return SegmentLength(
        segment,
        f"Segments of {segment:,} characters instead of {wanted:,}: the text's {count:,} characters would make "
        f"up to {before:,} segments, and Nova takes {limits.max_segments:,}.",
    )


def _estimate(characters: int, segment: int) -> int:
    return math.ceil(characters / (segment - WORD_CHARACTERS))


def _too_many(file: ObjectFile, recipe: Recipe, made: str) -> BadSource:
    message = f"{made}; the model takes {recipe.modality.limits.max_segments:,} segments."
    return BadSource(file.source.uri, Reason.TOO_MANY_SEGMENTS, message)
