"""A stand-in for S3 and S3 Vectors that costs next to nothing: it serves output files and swallows vectors.

It runs in a process of its own, so that a measured client pays for its own work only. Run as a program it prints
its address and ends with its standard input.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BUCKET = "bench"
FILE_NAME = "embedding-video.jsonl"
DISTINCT_LINES = 1_900

_CHUNK = 1 << 20
_OUTPUT = re.compile(rf"/{BUCKET}/(\d+)/(.*)")


@cache
def make_embeddings() -> list[bytes]:
    """The JSON arrays of 1,900 random unit vectors of 3072 numbers, each with the digits that a float32 needs."""
    import numpy as np
    import orjson

    rows = np.random.default_rng(0).standard_normal((DISTINCT_LINES, 3072))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return [orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY) for row in rows.astype(np.float32)]


def make_lines(count: int) -> Iterator[bytes]:
    """An output file's lines, as Nova writes them; past 1,900 the vectors come again."""
    embeddings = make_embeddings()
    for number in range(count):
        place = {
            "segmentIndex": number,
            "segmentStartSeconds": 5.0 * number,
            "segmentEndSeconds": 5.0 * number + 5,
        }
        tail = b',"status":"SUCCESS","segmentMetadata":%b}\n' % json.dumps(place).encode()
        yield b'{"embedding":' + embeddings[number % DISTINCT_LINES] + tail


def make_summary(folder: str) -> bytes:
    """The summary that names the one output file of a job."""
    uri = f"s3://{BUCKET}/{folder}/{FILE_NAME}"
    result = {"embeddingType": "VIDEO", "status": "SUCCESS", "outputFileUri": uri}
    return json.dumps({"embeddingDimension": 3072, "embeddingResults": [result]}).encode()


class Handler(BaseHTTPRequestHandler):
    """GET s3://bench/<lines>/...; POST anything."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    _buffer: bytearray | None = None

    def do_GET(self) -> None:
        """Answer with the summary or the lines of a job."""
        found = _OUTPUT.fullmatch(self.path.partition("?")[0])
        if not found:
            self.send_error(404)
        elif found[2] == FILE_NAME:
            count = int(found[1])
            self._begin(sum(map(len, make_lines(count))))
            for line in make_lines(count):
                self.wfile.write(line)
        else:
            body = make_summary(found[1])
            self._begin(len(body))
            self.wfile.write(body)

    def do_POST(self) -> None:
        """Read the body, and answer as PutVectors and DeleteVectors do, and ListVectors of an empty index."""
        self._buffer = self._buffer or bytearray(_CHUNK)
        view, left = memoryview(self._buffer), int(self.headers["Content-Length"])
        while left:
            left -= self.rfile.readinto1(view[: min(left, _CHUNK)])
        body = b'{"vectors":[]}' if self.path == "/ListVectors" else b"{}"
        self._begin(len(body))
        self.wfile.write(body)

    def _begin(self, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", '"bench"')
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def main() -> int:
    """Serve until the parent closes our standard input."""
    make_embeddings()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
