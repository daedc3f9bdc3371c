"""From a task to its segments: which cutter of the embedder serves which modality."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nova_mme_local.bedrock.limits import Limits
from nova_mme_local.bedrock.request import Task
from nova_mme_local.embedder.clips import Bounds, cut_sound, cut_video
from nova_mme_local.embedder.embedder import Embedder
from nova_mme_local.embedder.refusals import TooLong
from nova_mme_local.embedder.segments import Segment, cut_picture, cut_text, read_text


def cut_source(task: Task, path: Path, *, embedder: Embedder, limits: Limits) -> Iterator[Segment]:
    """Yield the segments of the content at `path`, each with its vector, as they come.

    :raises Undecodable: the content is not what the request says.
    :raises TooLong: it exceeds the limits in length or in segments.
    """
    bounds = Bounds(limits.most_seconds, limits.most_segments)
    match task.modality:
        case "text":
            segments = _cut_text(task, path, embedder=embedder, limits=limits)
        case "image":
            segments = cut_picture(path, task.media_format, embedder=embedder)
        case "audio":
            segments = cut_sound(
                path, task.media_format, seconds=task.segment, bounds=bounds, embedder=embedder
            )
        case _:
            segments = cut_video(
                path,
                task.media_format,
                seconds=task.segment,
                bounds=bounds,
                separate=task.separate,
                embedder=embedder,
            )
    for segment in segments:
        if segment.metadata["segmentIndex"] >= limits.most_segments:
            raise TooLong(f"The input makes more than {limits.most_segments:,} segments; make them longer")
        yield segment


def _cut_text(task: Task, path: Path, *, embedder: Embedder, limits: Limits) -> Iterator[Segment]:
    length = task.segment or limits.most_characters
    text = read_text(path, longest=limits.most_segments * length)
    yield from cut_text(text, length=length, mode=task.truncation, embedder=embedder)
