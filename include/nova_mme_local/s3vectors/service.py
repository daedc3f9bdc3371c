"""The S3 Vectors service: finds the operation of a request, checks it against the model, runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from nova_mme_local.s3vectors.archive import Archive
from nova_mme_local.s3vectors.catalog import Catalog
from nova_mme_local.s3vectors.control_plane import ControlPlane
from nova_mme_local.s3vectors.data_plane import DataPlane
from nova_mme_local.shapes import service_model
from nova_mme_local.wire import AwsError, Request, Response, answer_json, read_params, validate

MAX_BODY = 20 * 2**20  # "Limitations and restrictions" in the user guide: request payload size
_TAG_OPERATIONS = {"GET": "ListTagsForResource", "POST": "TagResource", "DELETE": "UntagResource"}


class S3Vectors:
    """Every operation of Amazon S3 Vectors that the installed botocore knows.

    Not simulated: permissions, encryption keys, rates, approximate search.
    """

    name = "s3vectors"

    def __init__(self, database: Path | None) -> None:
        """Open the service on a SQLite file; None keeps everything in memory."""
        self._archive = Archive(database)
        self._catalog = Catalog(self._archive)
        self._data_plane = DataPlane(self._catalog)
        handlers = {**ControlPlane(self._catalog).handlers, **self._data_plane.handlers}
        known = service_model(self.name).operation_names
        self._handlers = {name: handler for name, handler in handlers.items() if name in known}

    def operation(self, request: Request) -> str:
        """Name the operation: POST /<Operation>, or /tags/<arn>; AwsError when there is none."""
        if request.path.startswith("/tags/"):
            name = _TAG_OPERATIONS.get(request.method, "")
        else:
            name = request.path.strip("/") if request.method == "POST" else ""
        if name not in self._handlers:
            raise AwsError(
                "UnknownOperationException",
                f"S3 Vectors has no operation at {request.method} {request.path}",
                status=404,
            )
        return name

    def answer(self, operation: str, request: Request) -> Response:
        """Carry an operation out; AwsError as AWS answers it."""
        if len(request.body) > MAX_BODY:
            raise AwsError(
                "ValidationException",
                f"The request payload has {len(request.body)} bytes; at most {MAX_BODY} (20 MiB) are accepted",
                status=413,
            )
        params = _read_params(request)
        validate(self.name, operation, params)
        return answer_json(self._handlers[operation](params, request.region))

    def reset(self) -> None:
        """Forget all buckets, indexes and vectors, on disk too."""
        self._data_plane.clear()
        self._catalog.clear()

    def close(self) -> None:
        """Close the database; what was stored stays."""
        self._archive.close()


def _read_params(request: Request) -> dict[str, Any]:
    params = read_params(request.body)
    if request.path.startswith("/tags/"):
        params["resourceArn"] = unquote(request.path.removeprefix("/tags/"))
        if request.method == "DELETE":
            params["tagKeys"] = parse_qs(request.query_string).get("tagKeys", [])
    return params
