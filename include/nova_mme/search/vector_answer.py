"""Vectors asked for and read without a Python float of each number.

botocore takes 34 ms of CPU to read 100 vectors of 1024 numbers, and 4 ms to check and write one of 3072. Its
documented events before-call and before-parse let the numbers pass by instead, for the calls of this module only:
others through the same client get what they always got. Signing, retries, timeouts and errors stay botocore's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
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

# Should a future botocore not fire "before-call", this goes out: an index of any dimension refuses it.
_PLACEHOLDER: dict[str, list[float]] = {"float32": []}


@dataclass(slots=True)
class _Exchange:
    """One call: the vector that goes out, and the bodies that come back."""

    vector: NDArray[np.float32] | None = None
    bodies: list[bytes] = field(default_factory=list)


# The call that this thread makes; None when it is somebody else's.
_EXCHANGE: ContextVar[_Exchange | None] = ContextVar("nova_mme_vector_answer", default=None)


def query_vectors(client: Any, vector: NDArray[np.float32], **request: Any) -> dict[str, Any]:
    """A page of QueryVectors, as botocore would answer it.

    :param vector: float32, shape (dimension,).
    :param request: the other members of the request.
    """
    exchange = _Exchange(np.ascontiguousarray(vector))
    answer = _call(client, client.query_vectors, {**request, "queryVector": _PLACEHOLDER}, exchange)
    return _read_json(exchange.bodies[-1]) if exchange.bodies else answer


def get_vectors(
    client: Any, index: Mapping[str, str], keys: Sequence[str], dimension: int, *, metadata: bool = False
) -> tuple[Found, NDArray[np.float32]]:
    """Those of at most 100 vectors that exist: what is told of each (``key``, ``metadata``), and their numbers.

    :param index: ``vectorBucketName`` and ``indexName``.
    :returns: the documents, and float32, shape (n, dimension), in the same order.
    :raises IndexMismatch: when the vectors have another length.
    """
    request = {**index, "keys": list(keys), "returnData": True, "returnMetadata": metadata}
    exchange = _Exchange()
    answer = _call(client, client.get_vectors, request, exchange)
    # None, should a botocore not fire the event: its own reading is as good, and slower.
    body = exchange.bodies[-1] if exchange.bodies else None
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
    client: Any, method: Callable[..., dict[str, Any]], request: dict[str, Any], exchange: _Exchange
) -> dict[str, Any]:
    events = client.meta.events  # to register twice changes nothing
    events.register("before-call.s3vectors.QueryVectors", _put_in, unique_id="nova-mme-query-in")
    for operation in ("QueryVectors", "GetVectors"):
        events.register(
            f"before-parse.s3vectors.{operation}", _take_out, unique_id=f"nova-mme-{operation}-out"
        )
    token = _EXCHANGE.set(exchange)
    try:
        return method(**request)
    finally:
        _EXCHANGE.reset(token)


def _put_in(params: dict[str, Any], **_: Any) -> None:
    exchange = _EXCHANGE.get()
    if exchange is not None and exchange.vector is not None:
        body = {**orjson.loads(params["body"]), "queryVector": {"float32": exchange.vector}}
        params["body"] = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def _take_out(response_dict: dict[str, Any], **_: Any) -> None:
    exchange = _EXCHANGE.get()
    if exchange is not None and response_dict["status_code"] == 200:
        exchange.bodies.append(response_dict["body"])
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
