"""What the AWS protocols do differently: how a call names its operation, and how an error is told."""

from __future__ import annotations

import functools
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote
from xml.sax.saxutils import escape

import orjson

from nova_mme_local.shapes import service_model
from nova_mme_local.wire import AwsError, Request, Response, answer_error, find_status

UNKNOWN = "Unknown"
FORM = "application/x-www-form-urlencoded"


def name_operation(service: str, request: Request) -> str:
    """Return the operation's name in botocore's model ("PutItem"), or "Unknown"."""
    if "x-amz-target" in request.headers:  # the JSON protocols
        return request.headers["x-amz-target"].rpartition(".")[2]
    if service == "s3":
        return _name_s3_operation(request)
    return str(read_call(request).get("Action", UNKNOWN))


def read_call(request: Request) -> dict[str, Any]:
    """Return the parameters of a JSON or query protocol call; {} when the body is neither."""
    if "x-amz-target" in request.headers:
        try:
            params = orjson.loads(request.body or b"{}")
        except orjson.JSONDecodeError:
            return {}
        return params if isinstance(params, dict) else {}
    form = parse_qsl(request.body.decode("utf-8", "replace")) if _has_form(request) else []
    return {**request.query, **dict(form)}


def answer_error_of(service: str, request: Request, error: AwsError) -> Response:
    """Render an error in the protocol of the call, so that boto3 raises it under its code."""
    if "x-amz-target" in request.headers:
        return _answer_json_error(service, error)
    if service == "s3":
        return _answer_s3_error(request, error)
    if "Action" in read_call(request):
        return _answer_query_error(service, error)
    return answer_error(service, error)


def split_object_path(path: str) -> tuple[str, str]:
    """Split a path-style S3 path, percent-encoded as sent, into bucket and key ("" when there is none)."""
    bucket, _, key = path.removeprefix("/").partition("/")
    return unquote(bucket), unquote(key)


def _has_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith(FORM)


@dataclass(frozen=True, slots=True)
class _Route:
    """One S3 operation: it is meant when all of `query` and `headers` are there."""

    operation: str
    query: frozenset[str]
    headers: frozenset[str]

    def fits(self, request: Request) -> bool:
        return self.query <= request.query.keys() and self.headers <= request.headers.keys()


def _name_s3_operation(request: Request) -> str:
    bucket, key = split_object_path(request.path)
    level = "key" if key else "bucket" if bucket else "root"
    fitting = [route for route in _s3_routes().get((request.method, level), []) if route.fits(request)]
    if request.method == "POST" and level == "bucket" and not fitting:
        return "PostObject"  # a browser's form upload: an operation that SDKs do not have
    best = max(fitting, key=lambda route: len(route.query) + len(route.headers), default=None)
    return best.operation if best else UNKNOWN


@functools.cache
def _s3_routes() -> dict[tuple[str, str], list[_Route]]:
    """Derive the routes from the request URIs and the required members of botocore's S3 model."""
    model = service_model("s3")
    routes: dict[tuple[str, str], list[_Route]] = {}
    for name in model.operation_names:
        operation = model.operation_model(name)
        if operation.deprecated or name == "ListDirectoryBuckets":  # the same request as ListBuckets
            continue
        path, _, query = operation.http["requestUri"].partition("?")
        level = {"/": "root", "/{Bucket}": "bucket", "/{Bucket}/{Key+}": "key"}.get(path)
        if level:
            names = {*parse_qs(query, keep_blank_values=True), *_required(operation, "querystring")}
            route = _Route(name, frozenset(names), frozenset(_required(operation, "header")))
            routes.setdefault((operation.http["method"], level), []).append(route)
    return routes


def _required(operation: Any, location: str) -> list[str]:
    shape = operation.input_shape
    members = [shape.members[name] for name in shape.required_members] if shape else []
    found = [m.serialization["name"] for m in members if m.serialization.get("location") == location]
    return [name.lower() for name in found] if location == "header" else found


def _answer_json_error(service: str, error: AwsError) -> Response:
    body = orjson.dumps({"__type": error.code, "message": error.message})
    status = error.status or find_status(service, error.code)
    return Response(body, status, "application/x-amz-json-1.0", (("x-amzn-RequestId", str(uuid.uuid4())),))


def _answer_s3_error(request: Request, error: AwsError) -> Response:
    told = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    resource = f"<Resource>{escape(unquote(request.path))}</Resource>"
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{told}{resource}<RequestId>local</RequestId></Error>'
    )
    return Response(text.encode(), error.status or find_status("s3", error.code), "application/xml")


def _answer_query_error(service: str, error: AwsError) -> Response:
    status = error.status or find_status(service, error.code)
    fault = "Sender" if status < 500 else "Receiver"
    told = f"<Type>{fault}</Type><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    text = f"<ErrorResponse><Error>{told}</Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    return Response(text.encode(), status, "text/xml")
