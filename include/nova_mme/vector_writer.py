"""Collects the vectors of several sources and puts them into the four indexes at the same time.

S3 Vectors bills a PutVectors call as 128 KB at least (Amazon S3 pricing), and an image is a single vector: the
images of a shard go into each index in one call. What the service refuses is looked for by halves, until the
vector that it does not like is named; its neighbours are stored.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from botocore.exceptions import BotoCoreError, ClientError
from numpy.typing import NDArray

from nova_mme.errors import BadSetting
from nova_mme.matryoshka import truncate_all
from nova_mme.metadata import add_dimension
from nova_mme.segment import Segment
from nova_mme.space import DIMENSIONS, Space
from nova_mme.store import VectorStore
from nova_mme.vector_batch import VectorBatch, accept_batches

log = logging.getLogger(__name__)

# A put of 250 at 3072-d is 10 MiB of the 20 that a call may have.
BATCH_ROWS = 250

# Batches on their way at a time, each with a put per index: enough to hide a latency of 0.2 s at the full pace,
# and what bounds the memory.
_UNDER_WAY = 2


class Owner(Protocol):
    """Who is told what became of a vector, in the thread that collects them."""

    def landed(self, segment: Segment) -> None:
        """It is in all four indexes."""

    def refused(self, segment: Segment, message: str) -> None:
        """It will never be in all of them; it may be in some."""

    def broke(self, error: Exception) -> None:
        """Nobody knows which indexes it is in; another try may mend it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What goes with a vector.

    :ivar document: its metadata, as :func:`~nova_mme.metadata.encode_document` writes it.
    """

    key: str
    document: bytes
    segment: Segment
    owner: Owner


@dataclass(frozen=True, slots=True)
class _Batch:
    entries: Sequence[Entry]
    puts: Sequence[Future[dict[int, str]]]


class VectorWriter:
    """Vectors on their way into the four indexes of a store; to be used as a context, and by one thread.

    Memory stays that of a few batches. Leaving the context waits for the puts that have begun; whether anything
    was put is only certain after :meth:`drain`.

    :param dimensions: the indexes that are put into: all four, unless some are rebuilt alone.
    :ivar fault: why no later put can succeed either, once that is known: what is wrong with the deployment.
    """

    def __init__(self, store: VectorStore, dimensions: Sequence[int] = DIMENSIONS) -> None:
        self.fault: ClientError | None = None
        self._store = store
        self._entries: list[Entry] = []
        self._vectors: list[NDArray[np.float64]] = []
        self._under_way: deque[_Batch] = deque()
        # Threads of its own for each index: the allocator keeps memory for every thread that ever wrote a large body.
        self._pools = {
            dimension: ThreadPoolExecutor(_UNDER_WAY, thread_name_prefix=f"put-{dimension}d")
            for dimension in sorted(dimensions, reverse=True)
        }
        accept_batches(store.client)  # here, where no other thread makes a call

    def __enter__(self) -> VectorWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in self._pools.values():
            pool.shutdown(cancel_futures=True)

    @property
    def space(self) -> Space:
        """The space of the indexes."""
        return self._store.space

    def add(self, entry: Entry, vector: NDArray[np.float64]) -> None:
        """Take a vector, shape (3072,); it is put with the next full batch.

        :raises IndexMismatch: when an index turns out to have another shape.
        """
        self._entries.append(entry)
        self._vectors.append(vector)
        if len(self._entries) == BATCH_ROWS:
            self._send()

    def drain(self) -> None:
        """Put what is left, and return when every owner knows what became of every vector.

        :raises IndexMismatch: when an index turns out to have another shape.
        """
        self._send()
        while self._under_way:
            self._settle(self._under_way.popleft())

    def _send(self) -> None:
        if not self._entries:
            return
        while len(self._under_way) >= _UNDER_WAY:
            self._settle(self._under_way.popleft())
        self._store.take_turn(len(self._entries))
        matrices, entries = truncate_all(self._vectors), self._entries
        self._entries, self._vectors = [], []
        # Largest first: it takes longest.
        puts = [
            pool.submit(self._put, dimension, entries, matrices[dimension])
            for dimension, pool in self._pools.items()
        ]
        self._under_way.append(_Batch(entries, puts))

    def _put(self, dimension: int, entries: Sequence[Entry], matrix: NDArray[np.float32]) -> dict[int, str]:
        """Put rows into one index; returns the numbers of those that were refused, each with the reason."""
        message = self._try(dimension, entries, matrix)
        if message is None:
            return {}
        self._check(dimension)
        return self._find_refused(dimension, entries, matrix, 0, message)

    def _find_refused(
        self, dimension: int, entries: Sequence[Entry], matrix: NDArray[np.float32], first: int, message: str
    ) -> dict[int, str]:
        """Halve rows that were refused together, and put what can be put of them."""
        if len(entries) == 1:
            return {first: message}
        self._store.take_turn(len(entries))
        middle, refused = len(entries) // 2, dict[int, str]()
        for rows, start in ((slice(None, middle), 0), (slice(middle, None), middle)):
            half = entries[rows], matrix[rows]
            if (told := self._try(dimension, *half)) is not None:
                refused |= self._find_refused(dimension, *half, first + start, told)
        return refused

    def _try(self, dimension: int, entries: Sequence[Entry], matrix: NDArray[np.float32]) -> str | None:
        """Put rows; returns why they were refused, if they were."""
        documents = [add_dimension(entry.document, dimension) for entry in entries]
        try:
            self._store.put(dimension, VectorBatch([entry.key for entry in entries], matrix, documents))
        except BadSetting as error:
            return str(error)
        except ClientError as error:
            if not _is_refusal(error):
                raise
            return str(error.response["Error"].get("Message") or error)
        return None

    def _check(self, dimension: int) -> None:
        """An index of another shape would refuse vector after vector, and none of them is to blame."""
        try:
            self._store.check(dimension)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
            log.warning("Whether the index has the right shape cannot be seen: %s", error)

    def _settle(self, batch: _Batch) -> None:
        """Wait for a batch's four puts, and tell the owners."""
        refused: dict[int, str] = {}
        errors: list[ClientError | BotoCoreError] = []
        for put in batch.puts:
            try:
                refused |= put.result()
            except (ClientError, BotoCoreError) as error:
                errors.append(error)
        lasting = [error for error in errors if isinstance(error, ClientError) and not _may_pass(error)]
        self.fault = self.fault or next(iter(lasting), None)
        for number, entry in enumerate(batch.entries):
            if errors:
                entry.owner.broke(lasting[0] if lasting else errors[0])
            elif number in refused:
                entry.owner.refused(entry.segment, refused[number])
            else:
                entry.owner.landed(entry.segment)


def _is_refusal(error: ClientError) -> bool:
    """Whether the service does not like what it was sent, and would not like it the next time either."""
    return error.response["Error"]["Code"] == "ValidationException" or _status(error) == 413


def _may_pass(error: ClientError) -> bool:
    return _status(error) in (408, 429) or _status(error) >= 500


def _status(error: ClientError) -> int:
    metadata: dict[str, Any] = error.response.get("ResponseMetadata", {})
    return int(metadata.get("HTTPStatusCode", 500))
