"""What segments can be filtered by: the names that people use, and the metadata keys that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from nova_mme.errors import BadSetting
from nova_mme.metadata import NON_FILTERABLE_KEYS
from nova_mme.modality import Modality


class Kind(StrEnum):
    """How a field's values are written."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"  # epoch seconds; written as 2026-01-31 or 2026-01-31T10:00, UTC unless it says otherwise
    SECONDS = "seconds"  # written as 90, 1:30 or 0:01:30
    BYTES = "bytes"  # written as 1000, 10kB or 2.5MB
    ANY = "any"  # another key: a number, true, false, or a text


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to filter by.

    :ivar name: what people call it.
    :ivar key: the metadata key.
    :ivar choices: the values that there are; empty where any is possible.
    """

    name: str
    key: str
    kind: Kind
    choices: tuple[str, ...] = ()


_EMBEDDING_TYPES = ("TEXT", "IMAGE", "VIDEO", "AUDIO", "AUDIO_VIDEO_COMBINED")

FIELDS = (
    Field("modality", "modalityType", Kind.TEXT, tuple(modality.value for modality in Modality)),
    Field("type", "embeddingType", Kind.TEXT, _EMBEDDING_TYPES),
    Field("format", "fileType", Kind.TEXT),
    Field("content", "contentType", Kind.TEXT),
    Field("size", "fileSize", Kind.BYTES),
    Field("uploaded", "uploadTimestamp", Kind.DATE),
    Field("processed", "processingTimestamp", Kind.DATE),
    Field("start", "segmentStartSeconds", Kind.SECONDS),
    Field("end", "segmentEndSeconds", Kind.SECONDS),
    Field("start_character", "segmentStartCharPosition", Kind.NUMBER),
    Field("end_character", "segmentEndCharPosition", Kind.NUMBER),
    Field("segment", "segmentIndex", Kind.NUMBER),
    Field("page", "pageNumber", Kind.NUMBER),
    Field("id", "objectId", Kind.TEXT),
    Field("recipe", "recipe", Kind.TEXT),
    Field("space", "space", Kind.TEXT),
    Field("dimension", "embeddingDimension", Kind.NUMBER),
)

_BY_NAME = {name.casefold(): field for field in FIELDS for name in (field.key, field.name)}
_UNFILTERABLE = {key.casefold(): key for key in NON_FILTERABLE_KEYS} | {
    "source": "sourceS3Uri",
    "uri": "sourceS3Uri",
    "prefix": "sourceS3Uri",
    "name": "fileName",
    "file": "fileName",
}
# botocore's model of a metadata key.
_MAX_KEY = 63


def find_field(name: str, *, is_exact: bool = True) -> Field:
    """The field of a name or a metadata key; a key that is none of ours is a field of its own.

    :param is_exact: take a key as it is that reads like a slip of the pen for one of ours.
    :raises BadSetting: for a key that S3 Vectors cannot filter by, or a slip.
    """
    folded = name.casefold()
    if field := _BY_NAME.get(folded):
        return field
    if key := _UNFILTERABLE.get(folded):
        advice = "; give the beginning of the URIs as the search's prefix" if key == "sourceS3Uri" else ""
        raise BadSetting(
            f"{name!r} cannot be filtered by: the keys {', '.join(sorted(NON_FILTERABLE_KEYS))} are not filterable"
            f"{advice}."
        )
    if not 1 <= len(name) <= _MAX_KEY or name.startswith("$"):
        raise BadSetting(
            f"{name!r} is no metadata key: they have 1 to {_MAX_KEY} characters, and no $ in front."
        )
    if not is_exact and (meant := get_close_matches(folded, _BY_NAME, n=1, cutoff=0.8)):
        raise BadSetting(
            f"There is no field {name!r}; {meant[0]!r} may be meant. Quoted, it is taken as it is."
        )
    return Field(name, name, Kind.ANY)
