"""HTTP for local AWS: whole requests in, whole answers out, connections kept alive.

werkzeug's own handler closes every connection; SDKs keep theirs, and a new connection (and thread) for each
call costs more than most calls.
"""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

from nova_mme_local.frame import Frame
from nova_mme_local.wire import Response

LOG = logging.getLogger(__name__)


class Handler(MotoRequestHandler):
    """One connection; moto's handler builds the environment, which keeps underscores in metadata names."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms for an acknowledgement
    wbufsize = 64 * 1024  # headers and body leave in one piece
    server: Server

    def setup(self) -> None:
        """Begin a connection."""
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        """End a connection."""
        self.server.connections.discard(self.connection)
        with suppress(ConnectionError):  # a client may leave a long poll at any time
            super().finish()

    def handle_expect_100(self) -> bool:
        """Tell the client to go on with its body, at once: it waits for it."""
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return go_on

    def run_wsgi(self) -> None:
        """Answer one request of the connection."""
        environ = self.make_environ()
        body = self._read_body(environ)
        try:
            response = self.server.frame.answer(environ, body)
        except Exception:  # whatever is wrong in here, a client must get an answer, and we must hear of it
            LOG.exception("local AWS failed on %s %s", self.command, self.path)
            response = Response(b'{"message": "Local AWS failed; its log says why"}', 500)
        if response is None:
            self.close_connection = True
        else:
            self._send(response)

    def _read_body(self, environ: dict[str, Any]) -> bytes:
        stream = environ["wsgi.input"]
        if environ.get("wsgi.input_terminated"):  # chunked
            return bytes(stream.read())
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = bytes(stream.read(length)) if length else b""
        if len(body) < length:
            raise ConnectionResetError("the client went away in the middle of its request")
        return body

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        names = {name.lower() for name, _ in response.headers}
        for name, value in response.headers:
            self.send_header(name, value)
        if response.content_type:
            self.send_header("Content-Type", response.content_type)
        if "content-length" not in names and response.status != 204:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the frame logs every call, at debug."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Log what the HTTP layer complains about."""
        LOG.debug(message, *args)


class Server(ThreadedWSGIServer):
    """A thread for each connection, all of them ended by `server_close`."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, frame: Frame) -> None:
        host, port = listening.getsockname()[:2]
        self.frame = frame
        self.connections: set[socket.socket] = set()
        super().__init__(host, port, _unused, handler=Handler, fd=listening.fileno())
        listening.close()  # the server has its own descriptor of the same socket

    def server_close(self) -> None:
        """Stop listening and hang up on every client."""
        super().server_close()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # it was closed at this very moment
                LOG.debug("a connection was closed by both sides")


def _unused(environ: Any, start_response: Any) -> list[bytes]:
    raise AssertionError("the handler asks the frame, not a WSGI app")


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; OSError when the port is taken or the host is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening
