"""What the model accepts of a file, sync and async: the Nova user guide, "Embeddings schema", "File limitations"."""

from __future__ import annotations

from dataclasses import dataclass

_MB = 2**20  # the guide does not say whether 10**6 or 2**20 is meant; the larger one never refuses wrongly
_GB = 2**30

MAX_BODY = 25_000_000  # bytes; botocore's model of InvokeModel
INLINE_CHARACTERS = 8192  # of "value"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one modality; what does not apply to it is left at its default."""

    most_bytes: int
    most_segments: int = 1
    most_characters: int = 0
    most_seconds: float = 0.0


SYNC = {
    "text": Limits(_MB, most_characters=50_000),
    "image": Limits(50 * _MB),
    "audio": Limits(100 * _MB, most_seconds=30),
    "video": Limits(100 * _MB, most_seconds=30),
}
ASYNC = {
    "text": Limits(634 * _MB, 1900),
    "image": Limits(50 * _MB),
    "audio": Limits(_GB, 1434, most_seconds=7200),
    "video": Limits(2 * _GB, 1434, most_seconds=7200),
}
