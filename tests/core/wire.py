"""A small HTTP server that keeps every request as it came, and a check of the signature on it."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Instead of a status: the connection is closed without an answer.
DROP = 0

_ERRORS = {
    400: "ValidationException",
    429: "TooManyRequestsException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


@dataclass(frozen=True, slots=True)
class Received:
    """One request; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Wire:
    """What came, and which statuses are answered, the last one for ever."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [200])
    received: list[Received] = field(default_factory=list)


@contextmanager
def listen(statuses: Sequence[int] = (200,), *, keep: bool = True) -> Iterator[Wire]:
    """Answer every POST with the next of these statuses and an empty JSON object, until the block ends.

    :param keep: the requests, for looking at them afterwards.
    """
    wire = Wire(statuses=list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if keep:
                wire.received.append(Received(self.path, headers, body))
            status = wire.statuses.pop(0) if len(wire.statuses) > 1 else wire.statuses[0]
            if status == DROP:
                self.close_connection = True
                return
            self.send_response(status)
            if status in _ERRORS:
                self.send_header("x-amzn-ErrorType", _ERRORS[status])
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    wire.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sign(request: Received, secret: str) -> str:
    """The Signature Version 4 that this request must carry (IAM user guide, "Create a signed AWS API request")."""
    scheme, _, rest = request.headers["authorization"].partition(" ")
    parts = dict(part.split("=", 1) for part in rest.split(", "))
    _, date, region, service, terminator = parts["Credential"].split("/")
    names = parts["SignedHeaders"].split(";")
    canonical = "\n".join(
        [
            "POST",
            request.path,
            "",
            *(f"{name}:{request.headers[name].strip()}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    scope = f"{date}/{region}/{service}/{terminator}"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join([scheme, request.headers["x-amz-date"], scope, hashed])
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, terminator, text):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def signature_of(request: Received) -> str:
    """The signature that the request came with."""
    return request.headers["authorization"].rpartition("Signature=")[2]
