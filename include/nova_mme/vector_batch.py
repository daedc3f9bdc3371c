"""A batch of float32 vectors, and how it reaches the wire without becoming Python floats.

botocore spends 3 ms of CPU on a single 3072-d list, in its validator and in ``json.dumps``. Here a batch goes
through the client's documented event system instead: one handler swaps it for a small placeholder while
botocore validates and routes the call, another swaps the finished body in before signing. Signing, retries
(each attempt signed anew), endpoints, timeouts and errors stay botocore's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from nova_mme.errors import BadSetting

# Amazon S3 user guide, "S3 Vectors limitations and restrictions".
MAX_VECTORS = 500
MAX_BODY_BYTES = 20 * 1024 * 1024

# What the rest of the request (bucket and index name) may take of the body.
_ENVELOPE_BYTES = 4096

# Should a future botocore not fire "before-call", this goes out: an index of any dimension refuses it, so
# the call fails and nothing wrong is stored.
_PLACEHOLDER = [{"key": "-", "data": {"float32": []}}]
_CONTEXT_KEY = "nova_mme_vector_batch"


@dataclass(frozen=True, slots=True, eq=False)
class VectorBatch:
    """Vectors of one index: one key and one metadata document per row.

    :ivar matrix: float32, C-contiguous, shape (n, dimension), finite, no zero row.
    """

    keys: Sequence[str]
    matrix: NDArray[np.float32]
    metadata: Sequence[dict[str, Any]]

    def __post_init__(self) -> None:
        if self.matrix.dtype != np.float32 or self.matrix.ndim != 2 or not self.matrix.flags.c_contiguous:
            raise BadSetting("A vector batch needs a C-contiguous float32 matrix.")
        if not len(self.keys) == len(self.matrix) == len(self.metadata):
            raise BadSetting("A vector batch needs one key and one metadata document per row.")
        if len(set(self.keys)) < len(self.keys):
            twice = next(key for number, key in enumerate(self.keys) if key in self.keys[:number])
            raise BadSetting(f"The key {twice!r} comes twice in a batch; S3 Vectors would refuse all of it.")
        # orjson writes NaN and infinity as null, silently: they have to be found before.
        if not np.isfinite(self.matrix).all() or not self.matrix.any(axis=1).all():
            raise BadSetting("A vector batch must hold finite vectors, none of them zero.")

    def __len__(self) -> int:
        return len(self.keys)

    def encode(self) -> bytes:
        """The JSON array of the request's ``vectors``; every float32 survives the round trip exactly."""
        rows = zip(self.keys, self.matrix, self.metadata, strict=True)
        items = [{"key": key, "data": {"float32": row}, "metadata": meta} for key, row, meta in rows]
        return orjson.dumps(items, option=orjson.OPT_SERIALIZE_NUMPY)

    def halve(self) -> tuple[VectorBatch, VectorBatch]:
        """Two batches of half the rows each."""
        return self._part(slice(0, len(self) // 2)), self._part(slice(len(self) // 2, None))

    def _part(self, rows: slice) -> VectorBatch:
        return VectorBatch(self.keys[rows], self.matrix[rows], self.metadata[rows])


@dataclass(frozen=True, slots=True)
class EncodedVectors:
    """The ``vectors`` of one PutVectors call, ready for the wire."""

    body: bytes
    count: int


def encode_in_calls(batch: VectorBatch) -> Iterator[EncodedVectors]:
    """The batch as calls of at most 500 vectors and 20 MiB each.

    :raises BadSetting: when a single vector's body is over the limit (its metadata is far over 40 KB).
    """
    if not len(batch):
        return
    if len(batch) > MAX_VECTORS:
        for half in batch.halve():
            yield from encode_in_calls(half)
        return
    body = batch.encode()
    if len(body) <= MAX_BODY_BYTES - _ENVELOPE_BYTES:
        yield EncodedVectors(body, len(batch))
    elif len(batch) == 1:
        raise BadSetting(f"The vector {batch.keys[0]!r} takes {len(body):,} bytes; a call holds 20 MiB.")
    else:
        for half in batch.halve():
            yield from encode_in_calls(half)


def accept_encoded_vectors(client: Any) -> Any:
    """Teach an s3vectors client to take :class:`EncodedVectors` as ``vectors``; returns the client.

    Plain lists go on working. Doing it twice changes nothing.
    """
    events = client.meta.events
    events.register("provide-client-params.s3vectors.PutVectors", _take_out, unique_id="nova-mme-take-out")
    events.register("before-call.s3vectors.PutVectors", _put_in, unique_id="nova-mme-put-in")
    return client


def _take_out(params: dict[str, Any], context: dict[str, Any], **_: Any) -> dict[str, Any] | None:
    vectors = params.get("vectors")
    if not isinstance(vectors, EncodedVectors):
        return None
    context[_CONTEXT_KEY] = vectors
    return {**params, "vectors": _PLACEHOLDER}


def _put_in(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    vectors = context.pop(_CONTEXT_KEY, None)
    if vectors is not None:
        document = orjson.loads(params["body"])
        params["body"] = orjson.dumps({**document, "vectors": orjson.Fragment(vectors.body)})
