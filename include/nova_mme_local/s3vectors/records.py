"""What may be stored: checks the vectors and metadata of a request and turns them into float32 rows.

Limits: "Limitations and restrictions" in the S3 Vectors user guide; rules for values: the descriptions of
PutInputVector and VectorData in botocore's model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from nova_mme_local.wire import AwsError

MAX_METADATA_BYTES = 40 * 1024
MAX_FILTERABLE_BYTES = 2 * 1024
MAX_METADATA_KEYS = 50
MAX_METADATA_KEY_LENGTH = 63  # the model's MetadataKey


@dataclass(frozen=True, slots=True)
class Shape:
    """What an index fixes at its creation."""

    dimension: int
    cosine: bool
    non_filterable: frozenset[str]


@dataclass(frozen=True, slots=True)
class Batch:
    """The checked vectors of one PutVectors: `rows` is float32 of shape (len(keys), dimension)."""

    keys: list[str]
    rows: np.ndarray
    metadata: list[dict[str, Any] | None]


def read_batch(vectors: Sequence[Mapping[str, Any]], shape: Shape) -> Batch:
    """Check every vector of a request; AwsError("ValidationException") names the first that is wrong."""
    keys = [vector["key"] for vector in vectors]
    _check_duplicates(keys)
    rows = _read_rows([vector["data"]["float32"] for vector in vectors], keys, shape)
    metadata = [vector.get("metadata") for vector in vectors]
    for key, document in zip(keys, metadata, strict=True):
        if document is not None:
            _check_metadata(key, document, shape.non_filterable)
    return Batch(keys, rows, metadata)


def read_query(values: Any, shape: Shape) -> np.ndarray:
    """Check a query vector and return it as float32 of shape (dimension,)."""
    row = _to_float32(values) if isinstance(values, list) else None
    reason = _find_fault(values, shape)
    if reason or row is None:
        raise AwsError("ValidationException", f"Invalid query vector: {reason}")
    return row


def _read_rows(lists: list[Any], keys: list[str], shape: Shape) -> np.ndarray:
    """Convert all vectors at once, which is the usual case; look at them one by one only to name the wrong one."""
    if all(isinstance(values, list) and len(values) == shape.dimension for values in lists):
        rows = _to_float32(lists)
        if rows is not None and np.isfinite(rows).all() and (not shape.cosine or rows.any(axis=1).all()):
            return rows
    for key, values in zip(keys, lists, strict=True):
        reason = _find_fault(values, shape)
        if reason:
            raise AwsError("ValidationException", f"Invalid record for key '{key}': {reason}")
    raise AssertionError("a batch was refused although each of its vectors is right")


def _find_fault(values: Any, shape: Shape) -> str | None:
    if not isinstance(values, list):
        return "vector must be a list of numbers"
    if len(values) != shape.dimension:
        return f"vector must have length {shape.dimension}, but has length {len(values)}"
    row = _to_float32(values)
    if row is None or not np.isfinite(row).all():
        return "vector must contain only float32 numbers; NaN and Infinity are not allowed"
    if shape.cosine and not row.any():
        return "vector must not be all zeros with the cosine distance metric"
    return None


def _to_float32(values: list[Any]) -> np.ndarray | None:
    """Convert numbers to float32, as the service does on arrival; None when something is not a number.

    botocore sends float("nan") as the string "NaN": a list with a string in it is no list of numbers.
    """
    try:
        numbers = np.array(values)
    except ValueError:  # a list inside a list
        return None
    if numbers.dtype.kind not in "fiu":
        return None
    with np.errstate(over="ignore"):  # too large becomes infinite, which is refused
        return numbers.astype(np.float32)


def _check_duplicates(keys: list[str]) -> None:
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise AwsError(
            "ValidationException",
            f"Invalid request: key '{twice}' occurs more than once; keys must be unique",
        )


def _check_metadata(key: str, document: Any, non_filterable: frozenset[str]) -> None:
    reason = _find_metadata_fault(document, non_filterable)
    if reason:
        raise AwsError("ValidationException", f"Invalid record for key '{key}': {reason}")


def _find_metadata_fault(document: Any, non_filterable: frozenset[str]) -> str | None:
    if not isinstance(document, dict):
        return "metadata must be a JSON object"
    if len(document) > MAX_METADATA_KEYS:
        return f"metadata must have at most {MAX_METADATA_KEYS} keys, but has {len(document)}"
    for name, value in document.items():
        if not 1 <= len(name) <= MAX_METADATA_KEY_LENGTH:
            return f"metadata key '{name}' must have between 1 and {MAX_METADATA_KEY_LENGTH} characters"
        if name not in non_filterable and not _is_filterable(value):
            return (
                f"filterable metadata '{name}' must be a string, a number, a boolean or a list of these; "
                "null and nested values are not allowed"
            )
    return _find_oversize(document, non_filterable)


def _find_oversize(document: dict[str, Any], non_filterable: frozenset[str]) -> str | None:
    total = len(orjson.dumps(document))
    if total > MAX_METADATA_BYTES:
        return f"metadata must have at most {MAX_METADATA_BYTES} bytes, but has {total}"
    if total <= MAX_FILTERABLE_BYTES:
        return None
    filterable = {name: value for name, value in document.items() if name not in non_filterable}
    size = len(orjson.dumps(filterable))
    if size > MAX_FILTERABLE_BYTES:
        return f"filterable metadata must have at most {MAX_FILTERABLE_BYTES} bytes, but has {size}"
    return None


def _is_filterable(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, (str, int, float, bool)) for item in value)
    return isinstance(value, (str, int, float, bool))
