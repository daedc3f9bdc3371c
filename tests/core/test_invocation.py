"""A job's output: the summary, and files read line by line, however odd a line may be."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from core.builders import ACCOUNT, make_line, make_summary, make_vectors
from core.deployment import Deployment

from nova_mme.errors import BadSource, Reason
from nova_mme.invocation import (
    BLOCK_LINES,
    Block,
    ResultFile,
    output_folder,
    read_blocks,
    read_summary,
)
from nova_mme.source import S3Uri

_ARN = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc123def456"
_FOLDER = S3Uri("output", "nova/x/abc123def456")
_SOURCE = "s3://media/x.mp4"
_FILE = ResultFile("VIDEO", str(_FOLDER.join("embedding-video.jsonl")), False, Reason.JOB_FAILED, "")


def _read(buckets: Deployment, *lines: bytes, file: ResultFile = _FILE) -> list[Block]:
    place = S3Uri.parse(file.uri)
    buckets.s3.put_object(Bucket=place.bucket, Key=place.key, Body=b"".join(lines))
    return list(read_blocks(buckets.s3, file, _SOURCE))


def _read_one(buckets: Deployment, *lines: bytes) -> Block:
    (block,) = _read(buckets, *lines)
    assert len(block.matrix) == len(block.segments)
    return block


def _summarise(buckets: Deployment, body: bytes) -> list[ResultFile]:
    buckets.s3.put_object(Bucket="output", Key=_FOLDER.join("segmented-embedding-result.json").key, Body=body)
    return read_summary(buckets.s3, _FOLDER, _SOURCE)


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("s3://output/nova/x/abc123def456", "s3://output/nova/x/abc123def456"),
        ("s3://output/nova/x/abc123def456/", "s3://output/nova/x/abc123def456"),
        ("s3://output/nova/x", "s3://output/nova/x/abc123def456"),
        ("s3://output/nova/x/", "s3://output/nova/x/abc123def456"),
        ("s3://output", "s3://output/abc123def456"),
    ],
)
def test_the_output_folder_ends_in_the_invocations_id(uri: str, folder: str) -> None:
    """Whether or not GetAsyncInvoke's URI already does."""
    invocation = {"invocationArn": _ARN, "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": uri}}}

    assert str(output_folder(invocation)) == folder


def test_a_summary_names_the_files(buckets: Deployment) -> None:
    """Two for AUDIO_VIDEO_SEPARATE; a partial success has a file as well."""
    files = _summarise(
        buckets,
        make_summary(
            {"embeddingType": "VIDEO", "status": "SUCCESS", "outputFileUri": "s3://output/v.jsonl"},
            {
                "embeddingType": "AUDIO",
                "status": "PARTIAL_SUCCESS",
                "outputFileUri": "s3://output/a.jsonl",
                "message": "1 of 2",
            },
        ),
    )

    assert [(file.embedding_type, file.uri, file.failed) for file in files] == [
        ("VIDEO", "s3://output/v.jsonl", False),
        ("AUDIO", "s3://output/a.jsonl", False),
    ]


@pytest.mark.parametrize("status", ["FAILURE", "FAILED"])
@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("INVALID_CONTENT", Reason.INVALID_CONTENT),
        ("RAI_VIOLATION_INPUT_IMAGE_DEFLECTION", Reason.MODERATED),
        ("RAI_VIOLATION_INPUT_TEXT_DEFLECTION", Reason.MODERATED),
        ("RATE_LIMIT_EXCEEDED", Reason.TRANSIENT),
        ("INTERNAL_SERVER_EXCEPTION", Reason.TRANSIENT),
        ("SOMETHING_NEW", Reason.JOB_FAILED),
    ],
)
def test_a_failed_type_says_why(buckets: Deployment, status: str, cause: str, reason: Reason) -> None:
    """Under either spelling of the status; a cause that is not known is still a failure."""
    (file,) = _summarise(
        buckets, make_summary({"embeddingType": "VIDEO", "status": status, "failureReason": cause})
    )

    assert (file.failed, file.reason, file.message) == (True, reason, cause)


def test_a_type_without_a_file_has_failed(buckets: Deployment) -> None:
    """Whatever its status says: the other type's file is still read."""
    files = _summarise(
        buckets,
        make_summary(
            {"embeddingType": "AUDIO", "status": "SUCCESS"},
            {"embeddingType": "VIDEO", "status": "SUCCESS", "outputFileUri": _FILE.uri},
        ),
    )

    assert [(file.embedding_type, file.failed) for file in files] == [("AUDIO", True), ("VIDEO", False)]


def test_a_missing_summary_is_missing_output(buckets: Deployment) -> None:
    """The output was deleted: the source is worth another job."""
    with pytest.raises(BadSource, match=r"segmented-embedding-result\.json is missing") as caught:
        read_summary(buckets.s3, _FOLDER, _SOURCE)

    assert (caught.value.reason, caught.value.uri) == (Reason.NO_OUTPUT, _SOURCE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"[]",
        b'{"embeddingResults": []}',
        b'{"embeddingResults": null}',
        b'{"embeddingResults": [null]}',
        b'{"embeddingResults": [{"status": "SUCCESS", "outputFileUri": "s3://output/v.jsonl"}]}',
        b'{"embeddingResults": [{"embeddingType": "VIDEO", "status": "SUC',
    ],
)
def test_a_summary_without_results_is_missing_output(buckets: Deployment, body: bytes) -> None:
    """Whatever is wrong with it, it is this one source's trouble: BadSource, nothing else."""
    with pytest.raises(BadSource) as caught:
        _summarise(buckets, body)

    assert (caught.value.reason, caught.value.uri) == (Reason.NO_OUTPUT, _SOURCE)


def test_the_expected_owner_goes_along(buckets: Deployment) -> None:
    """S3 is asked to refuse an output bucket of another account, for the summary and for the files."""
    _summarise(
        buckets, make_summary({"embeddingType": "VIDEO", "status": "SUCCESS", "outputFileUri": _FILE.uri})
    )
    _read(buckets, make_line())
    with buckets.record("s3") as sent:
        (file,) = read_summary(buckets.s3, _FOLDER, _SOURCE, owner=ACCOUNT)
        list(read_blocks(buckets.s3, file, _SOURCE, owner=ACCOUNT))

    assert [call.params.get("ExpectedBucketOwner") for call in sent] == [ACCOUNT, ACCOUNT]


def test_numbers_arrive_as_float64_exactly(buckets: Deployment) -> None:
    """Nothing is rounded before the renormalisation."""
    vectors = make_vectors(3)
    lines = [make_line(index, row.tolist()) for index, row in enumerate(vectors)]

    block = _read_one(buckets, *lines)

    assert block.matrix.dtype == np.float64
    np.testing.assert_array_equal(block.matrix, vectors)
    assert [segment.index for segment in block.segments] == [0, 1, 2]


@pytest.mark.parametrize("lines", [(b"",), (b"\n", b"  \n")])
def test_an_empty_file_has_no_blocks(buckets: Deployment, lines: tuple[bytes, ...]) -> None:
    """No line, or blank ones, are no segments and no failures."""
    assert _read(buckets, *lines) == []


def test_a_missing_file_is_missing_output(buckets: Deployment) -> None:
    """The sentence names the file."""
    with pytest.raises(BadSource, match=r"embedding-video\.jsonl is missing") as caught:
        list(read_blocks(buckets.s3, _FILE, _SOURCE))

    assert caught.value.reason is Reason.NO_OUTPUT


def test_the_last_line_needs_no_line_break(buckets: Deployment) -> None:
    """Windows line ends and a missing last one change nothing."""
    block = _read_one(buckets, make_line(0).replace(b"\n", b"\r\n"), make_line(1).rstrip())

    assert [segment.index for segment in block.segments] == [0, 1]


@pytest.mark.parametrize("count", [1, 249, 250, 251, 501])
def test_a_file_comes_in_blocks_of_250(buckets: Deployment, count: int) -> None:
    """Every segment once, in file order; failures count as lines, and no block is empty."""
    lines = [make_line(n, [1.0] * 3072) if n % 50 else make_line(n, status="FAILURE") for n in range(count)]

    blocks = _read(buckets, *lines)

    sizes = [len(block.segments) + len(block.failures) for block in blocks]
    assert sizes == [250] * (count // 250) + [count % 250] * bool(count % 250)
    assert [segment.index for block in blocks for segment in block.segments] == [
        n for n in range(count) if n % 50
    ]
    assert [failure.index for block in blocks for failure in block.failures] == list(range(0, count, 50))


def test_memory_does_not_grow_with_the_file(buckets: Deployment) -> None:
    """Three times the lines take the memory of the same few blocks."""
    peaks = [_peak(buckets, count) for count in (2 * BLOCK_LINES, 6 * BLOCK_LINES)]

    # Not less, since the threads of local AWS, which sends the file, are in the same process.
    assert peaks[1] < 1.6 * peaks[0]
    assert math.prod((6 * BLOCK_LINES, 3072, 8)) > peaks[1]  # smaller than the numbers alone would be


def _peak(buckets: Deployment, count: int) -> int:
    place = S3Uri.parse(_FILE.uri)
    body = b"".join(make_line(number, [1] * 3072) for number in range(count))
    buckets.s3.put_object(Bucket=place.bucket, Key=place.key, Body=body)
    del body
    tracemalloc.start()
    try:
        assert sum(len(block.segments) for block in read_blocks(buckets.s3, _FILE, _SOURCE)) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
