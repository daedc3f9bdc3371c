"""A job's output file: segments with their vectors, block by block, in memory that does not grow with the file."""

from __future__ import annotations

import math
import threading
import tracemalloc
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from botocore.exceptions import BotoCoreError
from core.builders import ACCOUNT, make_line, make_vectors
from core.deployment import Deployment, open_client

from nova_mme.errors import BadSource, Reason
from nova_mme.invocation import ResultFile
from nova_mme.output_file import BLOCK_LINES, Block, OutputReader
from nova_mme.segment import Segment
from nova_mme.source import S3Uri

_SOURCE = "s3://media/x.mp4"
_FILE = ResultFile("VIDEO", "s3://output/nova/x/embedding-video.jsonl", False, Reason.JOB_FAILED, "")


def _read(buckets: Deployment, *lines: bytes, file: ResultFile = _FILE) -> list[Block]:
    place = S3Uri.parse(file.uri)
    buckets.s3.put_object(Bucket=place.bucket, Key=place.key, Body=b"".join(lines))
    return list(OutputReader(buckets.s3, _SOURCE).read(file))


def _read_one(buckets: Deployment, *lines: bytes) -> Block:
    (block,) = _read(buckets, *lines)
    assert len(block.vectors) == len(block.segments)
    return block


def test_numbers_arrive_as_float64_exactly(buckets: Deployment) -> None:
    """Nothing is rounded before the renormalisation."""
    vectors = make_vectors(3)
    lines = [make_line(index, row.tolist()) for index, row in enumerate(vectors)]

    block = _read_one(buckets, *lines)

    matrix = np.stack(block.vectors)
    assert matrix.dtype == np.float64
    np.testing.assert_array_equal(matrix, vectors)
    assert [segment.index for segment in block.segments] == [0, 1, 2]


@pytest.mark.parametrize("lines", [(b"",), (b"\n", b"  \n")])
def test_an_empty_file_has_no_blocks(buckets: Deployment, lines: tuple[bytes, ...]) -> None:
    """No line, or blank ones, are no segments and no failures."""
    assert _read(buckets, *lines) == []


def test_a_missing_file_is_missing_output(buckets: Deployment) -> None:
    """The sentence names the file."""
    with pytest.raises(BadSource, match=r"embedding-video\.jsonl is missing") as caught:
        list(OutputReader(buckets.s3, _SOURCE).read(_FILE))

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
        assert sum(len(block.segments) for block in OutputReader(buckets.s3, _SOURCE).read(_FILE)) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_pages_segment_is_numbered_by_its_page(buckets: Deployment) -> None:
    """Each page's job says 0 of its one segment; a failure is the page's, too, and so is a line that is no JSON."""
    reader = OutputReader(buckets.s3, _SOURCE)
    place = S3Uri.parse(_FILE.uri)
    blocks = []
    for page, line in enumerate((make_line(0), make_line(0, status="FAILURE"), b"{", make_line(None))):
        buckets.s3.put_object(Bucket=place.bucket, Key=place.key, Body=line)
        blocks += reader.read(_FILE, page=page)

    assert [segment for block in blocks for segment in block.segments] == [
        Segment("VIDEO", 0, page=0),
        Segment("VIDEO", 3, page=3),
    ]
    assert [failure.index for block in blocks for failure in block.failures] == [1, 2]


def test_a_segment_that_comes_twice_is_kept_once(buckets: Deployment) -> None:
    """In one file, and in two files of one type: the first one, and the second is told."""
    place, reader = S3Uri.parse(_FILE.uri), OutputReader(buckets.s3, _SOURCE)
    buckets.s3.put_object(Bucket=place.bucket, Key=place.key, Body=make_line(0) + make_line(1) + make_line(0))

    (first,), (second,) = list(reader.read(_FILE)), list(reader.read(_FILE))

    assert [segment.index for segment in first.segments] == [0, 1]
    assert [failure.index for failure in first.failures] == [0]
    assert (second.segments, [failure.index for failure in second.failures]) == ([], [0, 1, 0])
    assert {failure.reason for failure in first.failures + second.failures} == {Reason.BAD_SEGMENT}


@pytest.mark.parametrize("uri", ["output.jsonl", "https://output/x.jsonl", "s3://"])
def test_a_file_in_no_bucket_is_missing_output(buckets: Deployment, uri: str) -> None:
    """It is this source's trouble alone."""
    file = ResultFile("VIDEO", uri, False, Reason.NO_OUTPUT, "")

    with pytest.raises(BadSource, match="no bucket") as caught:
        list(OutputReader(buckets.s3, _SOURCE).read(file))

    assert caught.value.reason is Reason.NO_OUTPUT


def test_files_are_read_from_the_expected_owner(buckets: Deployment) -> None:
    """S3 is asked to refuse an output bucket of another account."""
    _read(buckets, make_line())
    with buckets.record("s3") as sent:
        list(OutputReader(buckets.s3, _SOURCE, ACCOUNT).read(_FILE))

    assert [call.params.get("ExpectedBucketOwner") for call in sent] == [ACCOUNT]


class _HalfAnswer(BaseHTTPRequestHandler):
    """Promises four lines, and hangs up after two and a half."""

    def do_GET(self) -> None:
        body = b"".join(make_line(number) for number in range(4))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) * 5 // 8])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_connection_that_breaks_is_no_end_of_the_file() -> None:
    """The error is botocore's, which another try may mend: segments would be missing without a word."""
    with HTTPServer(("127.0.0.1", 0), _HalfAnswer) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        s3 = open_client(f"http://127.0.0.1:{server.server_port}", "s3")

        with pytest.raises(BotoCoreError):
            list(OutputReader(s3, _SOURCE).read(_FILE))

        thread.join()
