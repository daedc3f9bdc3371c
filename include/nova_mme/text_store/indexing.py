"""Puts local text files into a named store: what is there already is left alone, and no file sinks another."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from botocore.exceptions import BotoCoreError, ClientError
from numpy.typing import NDArray

from nova_mme.errors import BadSource, Unfinished
from nova_mme.job_starter import BUSY
from nova_mme.metadata import describe_segment, encode_document
from nova_mme.modality import suffix_of
from nova_mme.recipe import INDEX_PURPOSE
from nova_mme.search.query import TextQuery, embed_query
from nova_mme.segment import Segment, vector_key
from nova_mme.source import object_id
from nova_mme.space import FULL_DIMENSION
from nova_mme.text_store.chunk import Chunk, Cutting, cut
from nova_mme.text_store.named_store import NamedStore
from nova_mme.text_store.text_file import TextFile, drop_doubles, find_uri, read_file

_TYPE = "TEXT"
# Below the ten connections that a boto3 client keeps; and so many answers may wait for the slowest one.
_AT_ONCE = 8
_AHEAD = 4 * _AT_ONCE
# A put of 200 at 3072-d is 8 MiB of the 20 that a call may have. It is billed as 128 KB at least: files share one.
_ROWS = 200
PATIENCE_SECONDS = 120.0
_LONGEST_PAUSE = 5.0
_SUFFIX_CHARACTERS = 16

Vector = NDArray[np.float32]


def _ignore(count: int) -> None:
    """Report nothing."""


class Fate(StrEnum):
    """What became of a file."""

    INDEXED = "indexed"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file.

    :ivar chunks: it consists of; ``embedded`` of them were embedded now, the others were stored already.
    :ivar removed: chunks of an earlier version that were deleted.
    :ivar problem: why it failed, in a sentence.
    """

    path: str
    fate: Fate
    chunks: int = 0
    embedded: int = 0
    removed: int = 0
    problem: str = ""

    def as_document(self) -> dict[str, Any]:
        """The outcome for JSON."""
        return {
            "path": self.path,
            "fate": self.fate.value,
            "chunks": self.chunks,
            "embedded": self.embedded,
            "removed": self.removed,
            "problem": self.problem or None,
        }


@dataclass(slots=True, eq=False)
class _Work:
    """A file on its way: what is to be embedded, and what goes when all of it is stored."""

    path: str
    file: TextFile
    due: list[Chunk]
    chunks: int
    leftover: list[str]
    left: int = field(init=False)
    refused: int = 0
    problem: str = ""

    def __post_init__(self) -> None:
        self.left = len(self.due)


@dataclass(slots=True)
class Indexing:
    """Indexes files into a store.

    What a chunk is told by: the sha256 of its file, and how the file was cut. A run that was stopped goes on where it
    was: only what is missing is embedded.

    Chunks are embedded at 3072 dimensions and truncated, as everything in this project is, so that the same text has
    the same vector wherever it is stored; the model's price goes by tokens, not by numbers.

    :ivar bedrock: a boto3 ``bedrock-runtime`` client; one serves all threads.
    :ivar patience: seconds that one chunk may wait for a busy service.
    :ivar report: told how many chunks have been embedded so far, one by one.
    :ivar sleep, clock: for tests; seconds in, epoch seconds out.
    """

    store: NamedStore
    bedrock: Any
    cutting: Cutting = Cutting()
    patience: float = PATIENCE_SECONDS
    report: Callable[[int], None] = _ignore
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time
    _rows: list[tuple[_Work, Chunk, Vector]] = field(default_factory=list, init=False)
    _embedded: int = field(default=0, init=False)

    def run(self, paths: Sequence[Path]) -> Iterator[FileOutcome]:
        """Index files; each one's outcome comes as soon as it is known, in no order.

        :raises Unfinished: when Bedrock stayed busy for too long; what was embedded until then is stored, as it is when
            AWS refuses the rest.
        :raises IndexMismatch: when the store holds vectors of another space.
        :raises ClientError: what AWS answers otherwise.
        """
        waiting = deque[tuple[_Work, Chunk, Future[Vector]]]()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                for work in self._prepare(drop_doubles(paths)):
                    if isinstance(work, FileOutcome):
                        yield work
                        continue
                    for chunk in work.due:
                        if len(waiting) >= _AHEAD:
                            yield from self._take(*waiting.popleft())
                        waiting.append((work, chunk, pool.submit(self._embed, chunk.text)))
                while waiting:
                    yield from self._take(*waiting.popleft())
                yield from self._flush()
            except (Unfinished, ClientError, BotoCoreError):
                yield from self._flush()  # what was embedded is paid for
                raise
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _prepare(self, paths: Sequence[Path]) -> Iterator[_Work | FileOutcome]:
        known = self.store.find_segments({object_id(find_uri(path)) for path in paths})
        for path in paths:
            try:
                yield self._compare(str(path), read_file(path), known)
            except BadSource as error:
                yield FileOutcome(str(path), Fate.FAILED, problem=error.message)

    def _compare(self, path: str, file: TextFile, known: dict[str, list[int]]) -> _Work | FileOutcome:
        """What is to be done for a file, given which of its chunks are stored."""
        chunks = list(cut(file.text, self.cutting))
        numbers = known.get(file.object_id, [])
        stored = self.store.describe(_key(file, number) for number in numbers if number < len(chunks))
        due = [chunk for chunk in chunks if not self._is_same(stored.get(_key(file, chunk.index)), file)]
        leftover = [_key(file, number) for number in numbers if number >= len(chunks)]
        work = _Work(path, file, due, len(chunks), leftover)
        if due:
            return work
        return self._finish(work)

    def _is_same(self, metadata: dict[str, Any] | None, file: TextFile) -> bool:
        if metadata is None:
            return False
        return (metadata.get("etag"), metadata.get("recipe")) == (file.etag, self.cutting.fingerprint)

    def _embed(self, text: str) -> Vector:
        """A chunk's vector; a busy service is asked again, with full jitter, until patience is at an end."""
        waited, bound = 0.0, 1.0
        while True:
            try:
                return embed_query(
                    TextQuery(text),
                    FULL_DIMENSION,
                    bedrock=self.bedrock,
                    space=self.store.space,
                    purpose=INDEX_PURPOSE,
                )
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code not in BUSY:
                    raise
                if waited >= self.patience:
                    raise Unfinished(
                        f"Bedrock stayed busy for {waited:.0f} s ({code}). Run the same command again: it embeds only "
                        "what is missing."
                    ) from error
            pause = random.uniform(0.2, bound)
            self.sleep(pause)
            waited, bound = waited + pause, min(2 * bound, _LONGEST_PAUSE)

    def _take(self, work: _Work, chunk: Chunk, future: Future[Vector]) -> Iterator[FileOutcome]:
        """Take a chunk's vector; a chunk that the model refuses fails its file, and no other."""
        try:
            self._rows.append((work, chunk, future.result()))
            self._embedded += 1
            self.report(self._embedded)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            said = error.response["Error"].get("Message", "")
            yield from self._settle(
                work, f"The model refuses characters {chunk.start:,} to {chunk.end:,}: {said}"
            )
        if len(self._rows) >= _ROWS:
            yield from self._flush()

    def _flush(self) -> Iterator[FileOutcome]:
        """Put what has been embedded, and tell the files that are whole now."""
        rows, self._rows = self._rows, []
        if not rows:
            return
        self.store.put(
            [_key(work.file, chunk.index) for work, chunk, _ in rows],
            [vector for _, _, vector in rows],
            [self._describe(work.file, chunk) for work, chunk, _ in rows],
        )
        for work, _, _ in rows:
            yield from self._settle(work)

    def _settle(self, work: _Work, problem: str = "") -> Iterator[FileOutcome]:
        work.left -= 1
        work.refused += bool(problem)
        work.problem = work.problem or problem
        if not work.left:
            yield self._finish(work)

    def _finish(self, work: _Work) -> FileOutcome:
        """All that could be stored is; only then does what is left of a longer earlier version go."""
        if work.problem:
            embedded = len(work.due) - work.refused
            return FileOutcome(work.path, Fate.FAILED, work.chunks, embedded, problem=work.problem)
        removed = self.store.delete(work.leftover)
        fate = Fate.INDEXED if work.due or removed else Fate.UNCHANGED
        return FileOutcome(work.path, fate, work.chunks, len(work.due), removed)

    def _describe(self, file: TextFile, chunk: Chunk) -> bytes:
        shared = {
            "objectId": file.object_id,
            "modalityType": "text",
            "fileType": suffix_of(file.name)[:_SUFFIX_CHARACTERS] or "txt",
            "contentType": "text/plain",
            "fileSize": file.size,
            "uploadTimestamp": file.modified,
            "processingTimestamp": int(self.clock()),
            "space": self.store.space.name,
            "recipe": self.cutting.fingerprint,
            "sourceS3Uri": file.uri,
            "fileName": file.name,
            "etag": file.etag,
        }
        segment = Segment(_TYPE, chunk.index, start_character=chunk.start, end_character=chunk.end)
        return encode_document(describe_segment(shared, segment, chunk.text))


def _key(file: TextFile, index: int) -> str:
    return vector_key(file.object_id, _TYPE, index)
