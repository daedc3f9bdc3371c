"""A batch of float32 vectors, and how it reaches the wire without becoming Python floats.

botocore spends 3 ms of CPU on a single 3072-d list, in its validator and in ``json.dumps``. Here a batch goes
through the client's documented event system instead: one handler swaps it for a small placeholder while
botocore validates and routes the call, another swaps the finished body in before signing. Signing, retries
(each attempt signed anew), endpoints, timeouts and errors stay botocore's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from nova_mme.errors import BadSetting

# Amazon S3 user guide, "S3 Vectors limitations and restrictions".
MAX_VECTORS = 500
MAX_BODY_BYTES = 20 * 1024 * 1024

# Should a future botocore not fire "before-call", this goes out: an index of any dimension refuses it, so
# the call fails and nothing wrong is stored.
_PLACEHOLDER = [{"key": "-", "data": {"float32": []}}]
_CONTEXT_KEY = "nova_mme_vector_batch"


@dataclass(frozen=True, slots=True, eq=False)
class VectorBatch:
    """Vectors of one index: one key and one metadata document per row.

    :ivar matrix: float32, C-contiguous, shape (n, dimension), finite, no zero row.
    :ivar metadata: documents, or their JSON.
    """

    keys: Sequence[str]
    matrix: NDArray[np.float32]
    metadata: Sequence[dict[str, Any] | orjson.Fragment]

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

    def encode(self, request: Mapping[str, Any] | None = None) -> bytes:
        """The JSON of a PutVectors request with these vectors; every float32 survives the round trip exactly.

        :param request: the other members of the request.
        """
        rows = zip(self.keys, self.matrix, self.metadata, strict=True)
        items = [{"key": key, "data": {"float32": row}, "metadata": meta} for key, row, meta in rows]
        return orjson.dumps({**(request or {}), "vectors": items}, option=orjson.OPT_SERIALIZE_NUMPY)

    def halve(self) -> tuple[VectorBatch, VectorBatch]:
        """Two batches of half the rows each."""
        return self._part(slice(0, len(self) // 2)), self._part(slice(len(self) // 2, None))

    def _part(self, rows: slice) -> VectorBatch:
        return VectorBatch(self.keys[rows], self.matrix[rows], self.metadata[rows])


class BodyTooLarge(BadSetting):
    """A batch does not fit into one call; nothing was sent."""


def put_batch(client: Any, batch: VectorBatch, **index: str) -> int:
    """Put a batch with a client that accepts batches, in calls of at most 500 vectors and 20 MiB each.

    :param index: ``vectorBucketName`` and ``indexName``.
    :returns: how many vectors were put.
    :raises BodyTooLarge: when a single vector is over the limit (its metadata is far over 40 KB).
    """
    if not len(batch):
        return 0
    if len(batch) <= MAX_VECTORS:
        try:
            client.put_vectors(**index, vectors=batch)
        except BodyTooLarge:
            if len(batch) == 1:
                raise
        else:
            return len(batch)
    return sum(put_batch(client, half, **index) for half in batch.halve())


def accept_batches(client: Any) -> Any:
    """Teach an s3vectors client to take a :class:`VectorBatch` as ``vectors``; returns the client.

    Plain lists go on working. Doing it twice changes nothing.
    """
    events = client.meta.events
    events.register("provide-client-params.s3vectors.PutVectors", _take_out, unique_id="nova-mme-take-out")
    events.register("before-call.s3vectors.PutVectors", _put_in, unique_id="nova-mme-put-in")
    return client


def _take_out(params: dict[str, Any], context: dict[str, Any], **_: Any) -> dict[str, Any] | None:
    batch = params.get("vectors")
    if not isinstance(batch, VectorBatch):
        return None
    context[_CONTEXT_KEY] = batch
    return {**params, "vectors": _PLACEHOLDER}


def _put_in(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    batch = context.pop(_CONTEXT_KEY, None)
    if batch is None:
        return
    body = batch.encode(orjson.loads(params["body"]))
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLarge(
            f"{len(batch)} vectors, the first one {batch.keys[0]!r}, take {len(body):,} bytes; a call holds 20 MiB."
        )
    params["body"] = body
