"""A job's output file, read as a stream: a line is a segment with its embedding, or a failure.

Shapes: Amazon Nova user guide, "Embeddings schema"; what the guide leaves open is handled both ways.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from nova_mme.errors import BadSetting, BadSource, Reason
from nova_mme.invocation import REASONS, ResultFile, open_output
from nova_mme.output_line import LineParser
from nova_mme.segment import Segment, SegmentFailure
from nova_mme.source import S3Uri
from nova_mme.space import FULL_DIMENSION

# Lines read before the ledger is told how far they reach: 250 x 3072 float64 are 6 MB.
BLOCK_LINES = 250
_READ_BYTES = 1 << 20

# The model makes 1,900 segments at most, and what is left over is looked for one index after the other.
_MAX_INDEX = 100_000


@dataclass(slots=True, eq=False)
class Block:
    """Consecutive lines of one output file.

    :ivar vectors: one per segment: float64, shape (3072,), finite, not zero up to coordinate 256.
    """

    segments: list[Segment] = field(default_factory=list)
    vectors: list[NDArray[np.float64]] = field(default_factory=list)
    failures: list[SegmentFailure] = field(default_factory=list)

    @property
    def extent(self) -> int:
        """The highest segment index + 1; 0 when there is no segment."""
        return max((segment.index + 1 for segment in self.segments), default=0)

    def __len__(self) -> int:
        return len(self.segments) + len(self.failures)


@dataclass(slots=True, eq=False)
class OutputReader:
    """Reads the output files of one source.

    :ivar owner: the account id that must own the output bucket.
    :ivar seen: types and indexes that were read: of a segment that comes twice the first one is kept.
    """

    s3: Any
    source_uri: str
    owner: str | None = None
    parser: LineParser = field(default_factory=LineParser)
    seen: set[tuple[str, int]] = field(default_factory=set)

    def read(self, file: ResultFile, *, page: int | None = None) -> Iterator[Block]:
        """A file as blocks of at most 250 lines, in file order; memory stays that of one block.

        A line that is broken, failed, or no unit of 3072 finite numbers becomes a failure of its block; the
        others are kept.

        :param page: the file is about this page: its one segment gets the page's number as its index.
        :raises BadSource: when the file is missing, or in no S3 bucket.
        """
        try:
            place = S3Uri.parse(file.uri)
        except BadSetting as error:
            message = f"The job's summary names an output file in no bucket: {error}"
            raise BadSource(self.source_uri, Reason.NO_OUTPUT, message) from error
        body = open_output(self.s3, place, self.source_uri, self.owner)
        block = Block()
        for number, line in enumerate(io.BufferedReader(body, _READ_BYTES)):
            if line.strip():
                self._read_line(line, number, file.embedding_type, page, block)
            if len(block) >= BLOCK_LINES:
                yield block
                block = Block()
        if len(block):
            yield block

    def _read_line(self, line: bytes, number: int, kind: str, page: int | None, block: Block) -> None:
        try:
            members, vector = self.parser.parse(line)
            segment = _segment(members, kind, number)
        except ValueError as error:
            problem = "is no JSON" if isinstance(error, orjson.JSONDecodeError) else "cannot be read"
            message = f"Line {number + 1} of the output {problem}: {error}."
            index = number if page is None else page
            block.failures.append(SegmentFailure(kind, index, Reason.BAD_SEGMENT, message))
            return
        if page is not None:
            segment = replace(segment, index=page, page=page)
        failure = _failure(members, segment) or self._odd(segment, vector)
        if failure is not None:
            block.failures.append(failure)
        elif vector is not None:
            self.seen.add((kind, segment.index))
            block.segments.append(segment)
            block.vectors.append(vector)

    def _odd(self, segment: Segment, vector: NDArray[np.float64] | None) -> SegmentFailure | None:
        if vector is None:
            message = f"The embedding is not {FULL_DIMENSION} finite numbers with a direction."
        elif (segment.embedding_type, segment.index) in self.seen:
            message = "The segment comes twice; the first one is kept."
        else:
            return None
        return SegmentFailure(segment.embedding_type, segment.index, Reason.BAD_SEGMENT, message)


def _failure(members: dict[str, Any], segment: Segment) -> SegmentFailure | None:
    if members.get("status", "SUCCESS") == "SUCCESS":
        return None
    cause = members.get("failureReason", "")
    message = str(members.get("message") or cause or "The model gave no reason.")
    reason = REASONS.get(cause, Reason.BAD_SEGMENT) if isinstance(cause, str) else Reason.BAD_SEGMENT
    return SegmentFailure(segment.embedding_type, segment.index, reason, message)


def _segment(members: dict[str, Any], kind: str, number: int) -> Segment:
    # Image lines may come without segmentMetadata; two AWS blog posts show startTime and endTime beside it.
    place = members.get("segmentMetadata") or {}
    if not isinstance(place, dict):
        raise ValueError(f"its segmentMetadata is {place!r}")
    index = place.get("segmentIndex", number)
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < _MAX_INDEX:
        raise ValueError(f"its segmentIndex is {index!r}")
    return Segment(
        kind,
        index,
        start_seconds=place.get("segmentStartSeconds", members.get("startTime")),
        end_seconds=place.get("segmentEndSeconds", members.get("endTime")),
        start_character=place.get("segmentStartCharPosition"),
        end_character=place.get("segmentEndCharPosition"),
    )
