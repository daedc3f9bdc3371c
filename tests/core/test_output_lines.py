"""The lines of a job's output: each is a segment or a failure, and none of them spoils its neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from core.builders import make_line
from core.deployment import Deployment

from nova_mme.errors import Reason
from nova_mme.invocation import ResultFile
from nova_mme.matryoshka import truncate_all
from nova_mme.output_file import Block, OutputReader
from nova_mme.output_line import LineParser
from nova_mme.segment import Segment, SegmentFailure
from nova_mme.vector_batch import VectorBatch

_FILE = ResultFile("VIDEO", "s3://output/x/embedding-video.jsonl", False, Reason.JOB_FAILED, "")
_GOOD = make_line(9)


def _read(buckets: Deployment, *lines: bytes) -> Block:
    """Read with both parsers, which must say the same."""
    buckets.s3.put_object(Bucket="output", Key="x/embedding-video.jsonl", Body=b"".join(lines))
    parsers = LineParser(), LineParser(fast=False)
    (block,), (other,) = (
        OutputReader(buckets.s3, "s3://media/x.mp4", parser=parser).read(_FILE) for parser in parsers
    )
    assert (block.segments, block.failures) == (other.segments, other.failures)
    np.testing.assert_array_equal(np.array(block.vectors), np.array(other.vectors))
    return block


@pytest.mark.parametrize(
    ("members", "segment"),
    [
        (
            {"segmentMetadata": {"segmentIndex": 7, "segmentStartSeconds": 35.0, "segmentEndSeconds": 37.25}},
            Segment("VIDEO", 7, 35.0, 37.25),
        ),
        (
            {
                "segmentMetadata": {
                    "segmentIndex": 0,
                    "truncatedCharLength": 0,
                    "segmentStartCharPosition": 0,
                    "segmentEndCharPosition": 794,
                }
            },
            Segment("VIDEO", 0, start_character=0, end_character=794),
        ),
        ({"startTime": 5.0, "endTime": 10.0}, Segment("VIDEO", 0, 5.0, 10.0)),
        (
            {
                "segmentMetadata": {"segmentIndex": 2, "segmentStartSeconds": 10.0},
                "startTime": 1,
                "endTime": 15,
            },
            Segment("VIDEO", 2, 10.0, 15),
        ),
        ({}, Segment("VIDEO", 0)),
        ({"segmentMetadata": None}, Segment("VIDEO", 0)),
    ],
    ids=["seconds", "characters", "startTime", "both", "neither", "null"],
)
def test_a_line_says_which_part_it_is(buckets: Deployment, members: dict[str, Any], segment: Segment) -> None:
    """segmentMetadata goes before startTime and endTime; without either the line's number is the index."""
    assert _read(buckets, make_line(None, **members)).segments == [segment]


@pytest.mark.parametrize(
    ("line", "reason", "sentence"),
    [
        pytest.param(
            orjson.dumps({"status": "FAILURE", "failureReason": "INVALID_CONTENT"}),
            Reason.INVALID_CONTENT,
            "INVALID_CONTENT",
            id="failure without embedding",
        ),
        pytest.param(
            make_line(0, status="FAILURE", failureReason="RATE_LIMIT_EXCEEDED", message="Slow."),
            Reason.TRANSIENT,
            "Slow.",
            id="failure with message",
        ),
        pytest.param(
            make_line(0, status="FAILURE"), Reason.BAD_SEGMENT, "no reason", id="failure without reason"
        ),
        pytest.param(make_line(0)[:-20], Reason.BAD_SEGMENT, "Line 1 of the output is no JSON", id="cut off"),
        pytest.param(b'{"embedding": [NaN]}', Reason.BAD_SEGMENT, "no JSON", id="NaN"),
        pytest.param(b"\xff\xfe", Reason.BAD_SEGMENT, "no JSON", id="no UTF-8"),
    ],
)
def test_a_failed_or_broken_line_says_why(
    buckets: Deployment, line: bytes, reason: Reason, sentence: str
) -> None:
    """One failure with its cause; the line after it is kept."""
    block = _read(buckets, line.rstrip(b"\n") + b"\n", _GOOD)

    assert [(failure.index, failure.reason) for failure in block.failures] == [(0, reason)]
    assert sentence in block.failures[0].message
    assert [segment.index for segment in block.segments] == [9]


_ODD = {
    "list": b"[]",
    "null": b"null",
    "string": b'"text"',
    "metadata is a list": make_line(0, segmentMetadata=[1]),
    "index is null": make_line(0, segmentMetadata={"segmentIndex": None}),
    "index is a word": make_line(0, segmentMetadata={"segmentIndex": "first"}),
    "index is negative": make_line(0, segmentMetadata={"segmentIndex": -1}),
    "index is true": make_line(0, segmentMetadata={"segmentIndex": True}),
    "index is absurd": make_line(0, segmentMetadata={"segmentIndex": 10**9}),
    "no embedding": b'{"status": "SUCCESS"}',
    "one too few": make_line(0, [0.5] * 3071),
    "one too many": make_line(0, [0.5] * 3073),
    "nulls": make_line(0, [None] * 3072),
    "words": make_line(0, ["a"] * 3072),
    "numbers as words": make_line(0, ["0.5"] * 3072),
    "lists": make_line(0, [[0.5]] * 3072),
    "one list": make_line(0, [[0.5] * 3072]),
    "pairs and nothing": make_line(0, [[0.5, 0.5], []] * 1536),
    "truth values": make_line(0, [True, 0.5] * 1536),
    "objects": make_line(0, [{"x": 0.5}] * 3072),
    "infinite": b'{"embedding":[' + b"1e400," * 3071 + b"1]}",
    "an object": make_line(0, {"0": 0.5}),
    "all zero": make_line(0, [0.0] * 3072),
    "prefix zero": make_line(0, [0.0] * 256 + [1.0] * 2816),
    "prefix vanishes when squared": make_line(0, [1e-300] * 256 + [1.0] * 2816),
    "overflows when squared": make_line(0, [1e300] * 3072),
}


@pytest.mark.parametrize("line", _ODD.values(), ids=_ODD.keys())
def test_a_line_of_no_use_is_one_failure(buckets: Deployment, line: bytes) -> None:
    """It becomes a failure with a sentence; what is kept can be truncated and put at every dimension."""
    block = _read(buckets, line.rstrip(b"\n") + b"\n", _GOOD)

    assert [failure.reason for failure in block.failures] == [Reason.BAD_SEGMENT]
    assert len(block.failures[0].message.split()) > 3
    assert [segment.index for segment in block.segments] == [9]
    for matrix in truncate_all(block.vectors).values():
        assert len(VectorBatch(["9"], matrix, [{}])) == 1


def test_a_failure_is_counted_under_its_own_index(buckets: Deployment) -> None:
    """The index that Bedrock gives, not the line's number."""
    block = _read(buckets, _GOOD, make_line(41, status="FAILURE", failureReason="INVALID_CONTENT"))

    assert block.failures == [SegmentFailure("VIDEO", 41, Reason.INVALID_CONTENT, "INVALID_CONTENT")]
