"""moto's server app inside this process: S3, SQS, DynamoDB, STS and whatever else moto knows.

moto's backends are global to the process: two of these share everything they store.
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Mapping
from typing import Any

from werkzeug.test import EnvironBuilder, run_wsgi_app

from nova_mme_local.protocols import FORM
from nova_mme_local.scope import forge_authorization
from nova_mme_local.wire import Response

# moto answers every request with "any origin may read this"; no web page needs to read a local bucket.
os.environ.setdefault("MOTO_DISABLE_GLOBAL_CORS", "true")


class Moto:
    """moto's WSGI app, called without a socket."""

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self._app = DomainDispatcherApplication(create_backend_app)
        # moto looks through its own directory for every request: a quarter of a small call's time.
        find_backend = functools.cache(self._app.get_backend_for_host)
        setattr(self._app, "get_backend_for_host", find_backend)  # noqa: B010 (mypy refuses to assign a method)
        _lock_queue_deletions()

    def answer(self, environ: Mapping[str, Any], body: bytes) -> Response:
        """Answer one HTTP request, given its WSGI environment and its whole body."""
        complete: dict[str, Any] = {
            **environ,
            "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
        }
        complete.pop("HTTP_TRANSFER_ENCODING", None)
        if environ["REQUEST_METHOD"] == "PUT" and str(environ.get("CONTENT_TYPE", "")).startswith(FORM):
            # curl and urllib say so of any data; moto would parse the object as a form and store nothing
            complete["CONTENT_TYPE"] = "binary/octet-stream"
        chunks, status, headers = run_wsgi_app(self._app, complete, buffered=True)
        content_type = headers.pop("Content-Type", "")
        return Response(b"".join(chunks), int(status.split()[0]), content_type, tuple(headers.items()))

    def call(
        self, service: str, region: str, *, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        """Call an operation from inside; `target` is path and query, percent-encoded."""
        path, _, query = target.partition("?")
        builder = EnvironBuilder(
            path,
            method=method,
            query_string=query,
            base_url="http://127.0.0.1",
            headers=[*headers.items(), ("Authorization", forge_authorization(service, region))],
        )
        environ = builder.get_environ()
        environ["RAW_URI"] = environ["REQUEST_URI"] = target
        return self.answer(environ, body)

    def reset(self) -> None:
        """Forget everything that moto stores, in all services, accounts and regions."""
        from moto.moto_api._internal.models import moto_api_backend

        moto_api_backend.reset()


def forget_checksum(bucket: str, key: str) -> None:
    """Remove the checksum of a copy: moto takes over the one of its source.

    That of an upload in parts is a checksum of checksums; as the copy's, boto3 would refuse the body for it.
    """
    from moto.s3.models import s3_backends

    partition, account = s3_backends.bucket_accounts[bucket]
    copy = s3_backends[account][partition].buckets[bucket].keys[key]
    copy.checksum_value = copy.checksum_algorithm = None


def _lock_queue_deletions() -> None:
    """Let moto's queues delete under their own lock: a message that arrives meanwhile would be lost.

    Queue.delete_message builds a new list from the old one, Queue.add_message appends to whichever is there.
    """
    from moto.sqs.models import Queue

    unlocked = Queue.delete_message
    if getattr(unlocked, "locked", False):
        return

    def delete_message(queue: Any, receipt_handle: str) -> None:
        with queue._messages_lock:
            unlocked(queue, receipt_handle)

    delete_message.locked = True  # type: ignore[attr-defined]
    setattr(Queue, "delete_message", delete_message)  # noqa: B010 (see Moto.__init__)
