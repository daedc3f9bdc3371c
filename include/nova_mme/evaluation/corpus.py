"""The corpus that rankings are computed over: the stored 3072-d vectors of a space, or a sample of them, as one block."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nova_mme.errors import BadSetting
from nova_mme.migration.draw import Draw
from nova_mme.search.vector_answer import MAX_KEYS, get_vectors
from nova_mme.space import FULL_DIMENSION
from nova_mme.store import VectorStore
from nova_mme.vector_index import VectorIndex
from nova_mme.vector_key import VectorKey

# A larger block lies in a file: 1 GiB is 87,381 vectors.
_MAX_MEMORY_BYTES = 1 << 30
_NUMBER_BYTES = 4
# GetVectors calls at a time: a client's pool has ten connections.
_AT_ONCE = 8

Matrix = NDArray[np.float32]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Stored vectors, in an order that has nothing to do with what they are.

    :ivar keys: of each row.
    :ivar matrix: float32, shape (n, 3072).
    :ivar sources: int32, shape (n,): rows of one source have the same number.
    :ivar total: how many vectors of ours the index held when it was listed.
    """

    keys: list[str]
    matrix: Matrix
    sources: NDArray[np.int32]
    total: int

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole index and no sample."""
        return len(self) == self.total

    @property
    def source_count(self) -> int:
        """How many sources its vectors are of."""
        return int(self.sources.max()) + 1

    def object_id(self, row: int) -> str:
        """The source that a row is of."""
        return self.keys[row].partition("/")[0]


def read_corpus(
    store: VectorStore, *, most: int, folder: Path | None = None, told: Progress = lambda done, total: None
) -> Corpus:
    """Read a space's 3072-d vectors: ListVectors for the keys, GetVectors for the numbers of those that are taken.

    Memory is that of the block, or of a few answers where it lies in a file, and some 200 bytes for each key taken.

    :param most: a larger index is sampled down to so many: uniformly, by the hashes of the keys, and the same
        again as long as the index is the same.
    :param folder: where a block of over 1 GiB lies, in a file without a name that goes when the block does; None
        for the system's own place.
    :param told: called with how many vectors have been read, and of how many.
    :raises BadSetting: when there is no such index, or nothing in it.
    :raises IndexMismatch: when it holds vectors of another space, or of another length.
    """
    index = VectorIndex.of(store, FULL_DIMENSION)
    keys, total = _draw_keys(index, most)
    if not keys:
        raise BadSetting(
            f"There are no vectors in {index.bucket}/{index.name}. Embed something first: run an embed_* DAG, or "
            "`make demo` on a laptop."
        )
    store.check_space()
    matrix = _allocate(len(keys), folder)
    found: list[str] = []
    for names, rows in _read(index, keys):
        matrix[len(found) : len(found) + len(rows)] = rows
        found += names
        told(len(found), len(keys))
    # What was deleted in between is not there, and was never to be found.
    return Corpus(found, matrix[: len(found)], _number_sources(found), total - len(keys) + len(found))


def _draw_keys(index: VectorIndex, most: int) -> tuple[list[str], int]:
    draw: Draw[str] = Draw(most)
    total = 0
    for page in index.pages():
        for vector in page:
            if VectorKey.parse(vector["key"]):
                total += 1
                draw.offer(vector["key"], vector["key"])
    return draw.take(), total


def _read(index: VectorIndex, keys: Sequence[str]) -> Iterator[tuple[list[str], Matrix]]:
    place = {"vectorBucketName": index.bucket, "indexName": index.name}
    calls = [list(keys[start : start + MAX_KEYS]) for start in range(0, len(keys), MAX_KEYS)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for start in range(0, len(calls), _AT_ONCE):  # not all of them ahead: they would wait in memory
            group = calls[start : start + _AT_ONCE]
            for found, rows in pool.map(
                lambda call: get_vectors(index.client, place, call, FULL_DIMENSION), group
            ):
                yield [vector["key"] for vector in found], rows


def _allocate(rows: int, folder: Path | None) -> Matrix:
    shape = (rows, FULL_DIMENSION)
    if rows * FULL_DIMENSION * _NUMBER_BYTES <= _MAX_MEMORY_BYTES:
        return np.empty(shape, np.float32)
    with tempfile.TemporaryFile(dir=folder) as file:  # the mapping keeps it until it goes itself
        return np.memmap(file, np.float32, "w+", shape=shape)


def _number_sources(keys: Sequence[str]) -> NDArray[np.int32]:
    numbers: dict[str, int] = {}
    return np.asarray(
        [numbers.setdefault(key.partition("/")[0], len(numbers)) for key in keys], dtype=np.int32
    )
