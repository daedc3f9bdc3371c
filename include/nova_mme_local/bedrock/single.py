"""InvokeModel of Nova Multimodal Embeddings: one small input, answered at once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nova_mme_local.bedrock.cutting import cut_source
from nova_mme_local.bedrock.limits import SYNC
from nova_mme_local.bedrock.request import Task, parse_single
from nova_mme_local.bedrock.source import Unreadable, fetch_source
from nova_mme_local.embedder.embedder import Embedder
from nova_mme_local.embedder.projection import take_prefix
from nova_mme_local.embedder.refusals import TooLong, Undecodable
from nova_mme_local.embedder.segments import Segment, cut_text
from nova_mme_local.wire import AwsError


def invoke_nova(
    body: Any, *, seed: str, s3: Callable[[], Any], account: str, match_names: bool
) -> tuple[dict[str, Any], int]:
    """Return the answer to a SINGLE_EMBEDDING request, and the number of characters that were read of a text.

    :param seed: of the model's projection.
    :raises AwsError: ValidationException or AccessDeniedException.
    """
    task = parse_single(body)
    embedder = Embedder(seed, name=task.uri if match_names else "")
    try:
        segments = _embed(task, embedder, s3=s3, account=account)
    except Unreadable as error:
        raise AwsError(error.code, str(error)) from error
    except (Undecodable, TooLong) as error:
        raise AwsError("ValidationException", str(error)) from error
    characters = int(segments[0].metadata.get("segmentEndCharPosition", 0))
    return {"embeddings": [_show(segment, task.dimension) for segment in segments]}, characters


def _embed(task: Task, embedder: Embedder, *, s3: Callable[[], Any], account: str) -> list[Segment]:
    if task.value is not None:
        return _check(cut_text(task.value, length=len(task.value), mode=task.truncation, embedder=embedder))
    limits = SYNC[task.modality]
    with tempfile.TemporaryDirectory(prefix="nova-mme-local-") as folder:
        path = Path(folder) / "source"
        fetch_source(task, path, s3=s3, limits=limits, account=account)
        return _check(cut_source(task, path, embedder=embedder, limits=limits))


def _check(segments: Iterable[Segment]) -> list[Segment]:
    """Collect segments; TooLong when a text did not fit and truncationMode is NONE."""
    collected = list(segments)
    for segment in collected:
        if segment.vector is None:
            raise TooLong(segment.problem)
    return collected


def _show(segment: Segment, dimension: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "embeddingType": segment.kind,
        "embedding": take_prefix(segment.require_vector(), dimension),
    }
    if segment.metadata.get("truncatedCharLength"):
        answer["truncatedCharLength"] = segment.metadata["truncatedCharLength"]
    return answer
