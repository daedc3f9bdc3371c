"""Answers of S3 Vectors, read from their bytes: vectors as a float32 matrix, without a Python float of each number.

botocore takes 34 ms of CPU for 100 vectors of 1024 numbers. Its documented event before-parse hands the body over
here instead, for the calls of this module only: others through the same client get what they always got. Signing,
retries, timeouts and errors stay botocore's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from nova_mme.errors import IndexMismatch

# pysimdjson reads numbers three times as fast as orjson; there is no wheel of it for every Python.
simdjson: Any = import_module("simdjson") if find_spec("simdjson") else None

# botocore's model of GetVectors.
MAX_KEYS = 100

Found = list[dict[str, Any]]

# Bodies of the call that this thread makes; None when it is somebody else's call.
_BODIES: ContextVar[list[bytes] | None] = ContextVar("nova_mme_vector_answer", default=None)


def query_vectors(client: Any, **request: Any) -> dict[str, Any]:
    """A page of QueryVectors, as botocore would answer it."""
    body, answer = _call(client, client.query_vectors, request)
    return answer if body is None else _read_json(body)


def get_vectors(
    client: Any, index: Mapping[str, str], keys: Sequence[str], dimension: int, *, metadata: bool = False
) -> tuple[Found, NDArray[np.float32]]:
    """Those of at most 100 vectors that exist: what is told of each (``key``, ``metadata``), and their numbers.

    :param index: ``vectorBucketName`` and ``indexName``.
    :returns: the documents, and float32, shape (n, dimension), in the same order.
    :raises IndexMismatch: when the vectors have another length.
    """
    request = {**index, "keys": list(keys), "returnData": True, "returnMetadata": metadata}
    body, answer = _call(client, client.get_vectors, request)
    try:
        return _read(body, answer, dimension)
    except ValueError as error:
        raise IndexMismatch(
            f"The vectors of {index['vectorBucketName']}/{index['indexName']} are not of {dimension} numbers: "
            f"{error}. Another index has its name; run setup_embeddings to see which."
        ) from error


def _read(body: bytes | None, answer: dict[str, Any], dimension: int) -> tuple[Found, NDArray[np.float32]]:
    if body is not None and simdjson:
        try:
            return _read_fast(body, dimension)
        except (
            ValueError,
            TypeError,
            KeyError,
            RuntimeError,
        ):  # whatever is odd is for the other way to judge
            pass
    return _read_matrix((answer if body is None else _read_json(body))["vectors"], dimension)


def _call(
    client: Any, method: Callable[..., Any], request: dict[str, Any]
) -> tuple[bytes | None, dict[str, Any]]:
    for operation in ("QueryVectors", "GetVectors"):
        client.meta.events.register(
            f"before-parse.s3vectors.{operation}", _take, unique_id=f"nova-mme-take-{operation}"
        )
    bodies: list[bytes] = []
    token = _BODIES.set(bodies)
    try:
        answer = method(**request)
    finally:
        _BODIES.reset(token)
    # None, should a botocore not fire the event: its own reading is as good, and slower.
    return (bodies[-1] if bodies else None), answer


def _take(response_dict: dict[str, Any], **_: Any) -> None:
    bodies = _BODIES.get()
    if bodies is not None and response_dict["status_code"] == 200:
        bodies.append(response_dict["body"])
        response_dict["body"] = b"{}"


def _read_json(body: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = orjson.loads(body)
    return answer


def _read_matrix(found: Found, dimension: int) -> tuple[Found, NDArray[np.float32]]:
    matrix = np.empty((len(found), dimension), np.float32)
    for row, vector in zip(matrix, found, strict=True):
        _fill(row, vector.pop("data")["float32"])
    return found, matrix


def _read_fast(body: bytes, dimension: int) -> tuple[Found, NDArray[np.float32]]:
    vectors = simdjson.Parser().parse(body)["vectors"]
    found: Found = []
    matrix = np.empty((len(vectors), dimension), np.float32)
    for row, vector in zip(matrix, vectors, strict=True):
        _fill(row, np.frombuffer(vector["data"]["float32"].as_buffer(of_type="d")))
        metadata = {"metadata": vector["metadata"].as_dict()} if "metadata" in vector else {}
        found.append({"key": vector["key"], **metadata})
    return found, matrix


def _fill(row: NDArray[np.float32], numbers: Any) -> None:
    if len(numbers) != len(row):  # numpy would spread a single number over the whole row
        raise ValueError(f"one has {len(numbers)}")
    row[:] = numbers
