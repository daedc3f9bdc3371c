"""Segments: the parts that the model cuts a source into, and those of them that it could not embed."""

from __future__ import annotations

from dataclasses import dataclass

from nova_mme.errors import Reason

# The type that pages of a document are embedded as.
PAGE_TYPE = "IMAGE"


@dataclass(frozen=True, slots=True)
class Segment:
    """Which part of its source an embedding stands for; what does not apply is None.

    :ivar page: of a PDF, from 0; it is the index, too.
    """

    embedding_type: str
    index: int
    start_seconds: float | None = None
    end_seconds: float | None = None
    start_character: int | None = None
    end_character: int | None = None
    page: int | None = None


@dataclass(frozen=True, slots=True)
class SegmentFailure:
    """A segment without vectors, and why."""

    embedding_type: str
    index: int
    reason: Reason
    message: str


def vector_key(object_id: str, embedding_type: str, index: int) -> str:
    """``<object id>/<embedding type>/<segment index>``: the type is in it because AUDIO_VIDEO_SEPARATE
    gives every index twice."""
    return f"{object_id}/{embedding_type}/{index}"
