"""A Bedrock async invocation's end: its state, its summary, and its output files read as a stream.

Shapes: Amazon Nova user guide, "Embeddings schema"; what the guide leaves open is handled both ways.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from botocore.exceptions import ClientError
from numpy.typing import NDArray

from nova_mme.errors import BadSource, Reason
from nova_mme.source import S3Uri
from nova_mme.space import FULL_DIMENSION

SUMMARY_NAME = "segmented-embedding-result.json"

# Lines parsed into one block: 250 x 3072 float64 are 6 MB, and a put of 250 at 3072-d is 10 MiB.
BLOCK_LINES = 250
_READ_BYTES = 1 << 20

# Least square of a norm that is still taken for a direction: far above float64's subnormal numbers.
_TINY = 1e-280

_SEGMENT_REASONS = {
    "RAI_VIOLATION_INPUT_TEXT_DEFLECTION": Reason.MODERATED,
    "RAI_VIOLATION_INPUT_IMAGE_DEFLECTION": Reason.MODERATED,
    "INVALID_CONTENT": Reason.INVALID_CONTENT,
    "RATE_LIMIT_EXCEEDED": Reason.TRANSIENT,
    "INTERNAL_SERVER_EXCEPTION": Reason.TRANSIENT,
}


@dataclass(frozen=True, slots=True)
class Segment:
    """Which part of its source an embedding stands for; what does not apply is None."""

    embedding_type: str
    index: int
    start_seconds: float | None = None
    end_seconds: float | None = None
    start_character: int | None = None
    end_character: int | None = None


@dataclass(frozen=True, slots=True)
class SegmentFailure:
    """A segment without an embedding, and why."""

    embedding_type: str
    index: int
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One entry of the summary: the output file of one embedding type.

    :ivar failed: the whole type failed; there may be no file, though one is named.
    """

    embedding_type: str
    uri: str
    failed: bool
    reason: Reason
    message: str


@dataclass(slots=True, eq=False)
class Block:
    """Consecutive segments of one output file.

    :ivar matrix: float64, shape (len(segments), 3072), finite, no zero row.
    """

    segments: list[Segment] = field(default_factory=list)
    matrix: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, FULL_DIMENSION)))
    failures: list[SegmentFailure] = field(default_factory=list)


def output_folder(invocation: dict[str, Any]) -> S3Uri:
    """Where GetAsyncInvoke says the output is.

    The returned URI already ends in the invocation's id; where it does not, the id is appended.
    """
    place = S3Uri.parse(invocation["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"].rstrip("/"))
    invocation_id = invocation["invocationArn"].rsplit("/", 1)[-1]
    return place if place.key.rsplit("/", 1)[-1] == invocation_id else place.join(invocation_id)


def read_summary(s3: Any, folder: S3Uri, source_uri: str, *, owner: str | None = None) -> list[ResultFile]:
    """The job's result files. File names are never guessed: they differ by modality and mode.

    :raises BadSource: when the summary is missing or holds no result.
    """
    body = _open(s3, folder.join(SUMMARY_NAME), source_uri, owner).read()
    try:
        results = [_result_file(item) for item in orjson.loads(body)["embeddingResults"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        message = f"The job's summary in {folder} cannot be read: {error!r}."
        raise BadSource(source_uri, Reason.NO_OUTPUT, message) from error
    if not results:
        raise BadSource(source_uri, Reason.NO_OUTPUT, f"The job's summary in {folder} names no output file.")
    return results


def _result_file(item: dict[str, Any]) -> ResultFile:
    uri = item.get("outputFileUri") or ""
    # The guide says FAILURE; FAILED was seen in the wild.
    failed = item.get("status") in ("FAILURE", "FAILED")
    cause = item.get("failureReason") or ""
    reason = _SEGMENT_REASONS.get(cause, Reason.JOB_FAILED if failed else Reason.NO_OUTPUT)
    message = item.get("message") or cause or ("" if uri else "The summary names no output file.")
    return ResultFile(item["embeddingType"], uri, failed or not uri, reason, message)


def read_blocks(s3: Any, file: ResultFile, source_uri: str, *, owner: str | None = None) -> Iterator[Block]:
    """An output file as blocks of at most 250 segments, in file order; memory stays that of one block.

    A line that is broken, failed or no unit of 3072 finite numbers becomes a failure of its block; the
    others are kept.

    :raises BadSource: when the file is missing.
    """
    body = _open(s3, S3Uri.parse(file.uri), source_uri, owner)
    block, vectors, seen = Block(), list[NDArray[np.float64]](), set[int]()
    for number, line in enumerate(io.BufferedReader(body, _READ_BYTES)):
        if line.strip():
            _read_line(line, number, file.embedding_type, block, vectors, seen)
        if len(vectors) + len(block.failures) >= BLOCK_LINES:
            yield _finish(block, vectors)
            block, vectors = Block(), []
    if vectors or block.failures:
        yield _finish(block, vectors)


def _finish(block: Block, vectors: list[NDArray[np.float64]]) -> Block:
    if vectors:
        block.matrix = np.stack(vectors)
    return block


def _read_line(
    line: bytes,
    number: int,
    embedding_type: str,
    block: Block,
    vectors: list[NDArray[np.float64]],
    seen: set[int],
) -> None:
    try:
        record = orjson.loads(line)
        segment = _segment(record, embedding_type, number)
        failure = _line_failure(record, segment)
        vector = None if failure else _vector(record.get("embedding"))
    except (orjson.JSONDecodeError, TypeError, ValueError, AttributeError) as error:
        problem = "is no JSON" if isinstance(error, orjson.JSONDecodeError) else "cannot be read"
        message = f"Line {number + 1} of the output {problem}: {error}."
        block.failures.append(SegmentFailure(embedding_type, number, Reason.BAD_SEGMENT, message))
        return
    if failure is None and (vector is None or segment.index in seen):
        message = (
            f"The embedding is not {FULL_DIMENSION} finite numbers with a direction."
            if vector is None
            else "The segment comes twice; the first one is kept."
        )
        failure = SegmentFailure(embedding_type, segment.index, Reason.BAD_SEGMENT, message)
    if failure is not None:
        block.failures.append(failure)
    elif vector is not None:
        seen.add(segment.index)
        block.segments.append(segment)
        vectors.append(vector)


def _line_failure(record: dict[str, Any], segment: Segment) -> SegmentFailure | None:
    if record.get("status", "SUCCESS") == "SUCCESS":
        return None
    cause = record.get("failureReason", "")
    message = record.get("message") or cause or "The model gave no reason."
    reason = _SEGMENT_REASONS.get(cause, Reason.BAD_SEGMENT)
    return SegmentFailure(segment.embedding_type, segment.index, reason, message)


def _segment(record: dict[str, Any], embedding_type: str, number: int) -> Segment:
    # Image lines may come without segmentMetadata; two AWS blog posts show startTime and endTime beside it.
    place = record.get("segmentMetadata") or {}
    index = place.get("segmentIndex", number)
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        raise ValueError(f"its segmentIndex is {index!r}")
    return Segment(
        embedding_type,
        index,
        start_seconds=place.get("segmentStartSeconds", record.get("startTime")),
        end_seconds=place.get("segmentEndSeconds", record.get("endTime")),
        start_character=place.get("segmentStartCharPosition"),
        end_character=place.get("segmentEndCharPosition"),
    )


def _vector(values: Any) -> NDArray[np.float64] | None:
    if not isinstance(values, list) or len(values) != FULL_DIMENSION:
        return None
    vector = np.array(values)
    if vector.ndim != 1 or vector.dtype.kind not in "fiu":
        return None
    vector = vector.astype(np.float64, copy=False)
    # The shortest prefix has to have a direction too, for it becomes the 256-d vector; and squares must neither
    # vanish nor overflow, for the norm is made of them.
    with np.errstate(over="ignore"):
        shortest, whole = vector[:256] @ vector[:256], vector @ vector
    return vector if shortest > _TINY and np.isfinite(whole) else None


def _open(s3: Any, place: S3Uri, source_uri: str, owner: str | None) -> Any:
    request = {"Bucket": place.bucket, "Key": place.key}
    if owner:
        request["ExpectedBucketOwner"] = owner
    try:
        return s3.get_object(**request)["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            raise BadSource(source_uri, Reason.NO_OUTPUT, f"The job's output {place} is missing.") from error
        raise
