"""The wire between AWS clients and the services written here: requests, answers and errors of the rest-json protocol.

Status codes, required members and constraints come from botocore's service models, so that boto3 raises here
the exception it would raise against AWS.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from nova_mme_local.shapes import Violation, find_error_shape, find_violations, service_model

Headers = tuple[tuple[str, str], ...]


class AwsError(Exception):
    """An error as AWS answers it: `code` is the exception's name in the service model ("NotFoundException").

    `status` overrides the HTTP status of the model; `fields` become the fieldList of a ValidationException.
    """

    def __init__(
        self, code: str, message: str, *, status: int | None = None, fields: Iterable[Violation] = ()
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.fields = tuple(fields)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: `path` is percent-encoded as sent, header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    region: str
    query_string: str = ""  # as sent: `query` keeps the last of a repeated name only


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer, complete in memory."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Headers = ()


def validate(service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Check `params` against botocore's model of the operation's input.

    Raises AwsError("ValidationException") that names every violation, in its message and in its fieldList.
    """
    shape = service_model(service).operation_model(operation).input_shape
    violations = [] if shape is None else list(find_violations(shape, params))
    if violations:
        raise invalid_fields(violations)


def invalid_fields(violations: Iterable[Violation]) -> AwsError:
    """Build the ValidationException for (path, message) pairs, worded as AWS words it."""
    found = [(path or "/", message) for path, message in violations]
    count = "1 validation error" if len(found) == 1 else f"{len(found)} validation errors"
    told = "; ".join(f"Value at '{path}' failed to satisfy constraint: {message}" for path, message in found)
    return AwsError("ValidationException", f"{count} detected: {told}", fields=found)


def read_json(body: bytes) -> Any:
    """Decode a JSON request body ({} when empty); AwsError("ValidationException") when it is not JSON.

    NaN and Infinity are no JSON and are refused.
    """
    if not body:
        return {}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise AwsError("ValidationException", f"The request body is not valid JSON: {error}") from None


def read_params(body: bytes) -> dict[str, Any]:
    """Decode a request body that must be a JSON object; AwsError("ValidationException") otherwise."""
    params = read_json(body)
    if not isinstance(params, dict):
        raise AwsError("ValidationException", "The request body must be a JSON object")
    return params


def answer_json(value: Any, *, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """Encode an answer as JSON; numpy arrays and scalars are welcome."""
    return Response(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY), headers=tuple(headers))


def answer_error(service: str, error: AwsError) -> Response:
    """Render an error as rest-json services do: status of the model, x-amzn-ErrorType, a JSON message."""
    body: dict[str, Any] = {"message": error.message}
    if error.fields and _has_field_list(service):
        body["fieldList"] = [{"path": path, "message": message} for path, message in error.fields]
    headers = (("x-amzn-ErrorType", error.code), ("x-amzn-RequestId", str(uuid.uuid4())))
    return Response(
        orjson.dumps(body), status=error.status or find_status(service, error.code), headers=headers
    )


def find_status(service: str, code: str) -> int:
    """Return the HTTP status of an error: the model's; for one unknown to the model, what its name suggests."""
    shape = find_error_shape(service, code)
    if shape is not None:
        return int(shape.metadata.get("error", {}).get("httpStatusCode", 400))
    return next((status for word, status in _STATUS_BY_WORD.items() if word in code), 400)


def _has_field_list(service: str) -> bool:
    shape = find_error_shape(service, "ValidationException")
    return shape is not None and "fieldList" in shape.members


# "Error responses" of the Amazon S3 API and "Common errors" of the query services name them so.
_STATUS_BY_WORD = {
    "Internal": 500,
    "SlowDown": 503,
    "Unavailable": 503,
    "Throttl": 429,
    "TooManyRequests": 429,
    "AccessDenied": 403,
    "NotFound": 404,
    "NoSuch": 404,
}
