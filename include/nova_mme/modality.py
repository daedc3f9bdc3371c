"""The kinds of media, with their formats and limits: the four that Nova embeds, and documents made of them.

Formats and limits are those of the Amazon Nova user guide, "Embeddings schema", sections "Asynchronous
embeddings" and "File limitations".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_MB = 1024 * 1024
_GB = 1024 * _MB

# Extension -> the schema's name of the format. Text has no format field: the object is read as text.
_FORMATS: dict[str, dict[str, str]] = {
    "text": dict.fromkeys(("txt", "md", "csv", "tsv", "json", "jsonl", "html", "xml", "srt", "vtt"), "text"),
    "image": {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "gif": "gif", "webp": "webp"},
    "video": {name: name for name in ("mp4", "mov", "mkv", "webm", "flv", "mpeg", "mpg", "wmv", "3gp")},
    "audio": {"mp3": "mp3", "wav": "wav", "ogg": "ogg"},
    # Not Nova's: a PDF is embedded as images of its pages, a .docx as its text.
    "document": {"pdf": "pdf", "docx": "docx"},
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the asynchronous API accepts of one modality.

    ``segment_*`` is in characters for text, in seconds for audio and video; images are one segment.
    ``max_segments`` of a document are pages.
    """

    max_bytes: int
    max_segments: int
    segment_default: int | None = None
    segment_min: int | None = None
    segment_max: int | None = None


class Modality(StrEnum):
    """A kind of media; the value is used in DAG ids, metadata and parameters."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"

    @classmethod
    def of_name(cls, name: str) -> Modality | None:
        """The modality that a file name's extension stands for; None when there is none."""
        suffix = suffix_of(name)
        return next((modality for modality in cls if suffix in _FORMATS[modality]), None)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The extensions taken for this modality, lower case, without the dot."""
        return tuple(_FORMATS[self])

    @property
    def formats(self) -> frozenset[str]:
        """The schema's names of this modality's formats."""
        return frozenset(_FORMATS[self].values())

    @property
    def limits(self) -> Limits:
        """The asynchronous API's limits."""
        return _LIMITS[self]

    def format_of(self, name: str) -> str | None:
        """The schema's format name for a file name, such as ``jpeg`` for ``a.JPG``; None when foreign."""
        return _FORMATS[self].get(suffix_of(name))


_LIMITS = {
    Modality.TEXT: Limits(634 * _MB, 1900, segment_default=32_000, segment_min=800, segment_max=50_000),
    Modality.IMAGE: Limits(50 * _MB, 1),
    Modality.VIDEO: Limits(2 * _GB, 1434, segment_default=5, segment_min=1, segment_max=30),
    Modality.AUDIO: Limits(1 * _GB, 1434, segment_default=5, segment_min=1, segment_max=30),
    # Ours: a document is read by the task itself, and each page is a job. The segment is a .docx text's.
    Modality.DOCUMENT: Limits(100 * _MB, 1000, segment_default=32_000, segment_min=800, segment_max=50_000),
}


def suffix_of(name: str) -> str:
    """The extension of the last path element, lower case, without the dot; empty when there is none."""
    last = name.rsplit("/", 1)[-1]
    stem, dot, suffix = last.rpartition(".")
    return suffix.lower() if dot and stem else ""
