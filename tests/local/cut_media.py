"""Cuts and embeds media for the tests of the stand-in embedder, by way of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nova_mme_local.embedder.clips import Bounds, cut_sound, cut_video
from nova_mme_local.embedder.embedder import Embedder
from nova_mme_local.embedder.projection import Vector, take_prefix
from nova_mme_local.embedder.segments import Segment

FILM = Bounds(7200, 1434)
EMBEDDER = Embedder("nova-1")


def hear(
    path: Path, content: bytes, media_format: str = "wav", *, seconds: float | None = 1, bounds: Bounds = FILM
) -> list[Segment]:
    """Cut and embed a sound."""
    path.write_bytes(content)
    return list(cut_sound(path, media_format, seconds=seconds, bounds=bounds, embedder=EMBEDDER))


def watch(
    path: Path,
    content: bytes,
    media_format: str = "mp4",
    *,
    seconds: float | None = 2,
    separate: bool = False,
    bounds: Bounds = FILM,
) -> list[Segment]:
    """Cut and embed a video."""
    path.write_bytes(content)
    found: Iterator[Segment] = cut_video(
        path, media_format, seconds=seconds, bounds=bounds, separate=separate, embedder=EMBEDDER
    )
    return list(found)


def spans(segments: list[Segment]) -> list[tuple[float, float]]:
    """Return start and end of every segment, to the tenth of a second."""
    return [
        (round(one.metadata["segmentStartSeconds"], 1), round(one.metadata["segmentEndSeconds"], 1))
        for one in segments
    ]


def vector(segment: Segment, dimension: int = 3072) -> Vector:
    """Return a segment's vector as the API would."""
    return take_prefix(segment.require_vector(), dimension).astype(np.float64)
