"""Errors as answers: a status, and one sentence in ``detail``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from nova_mme.errors import BadSetting, IndexMismatch
from nova_mme.text_embedding import EmbeddingExists

log = logging.getLogger(__name__)

_BUSY = {"ThrottlingException", "TooManyRequestsException", "ServiceUnavailableException", "SlowDown"}


class Problem(BaseModel):
    """What went wrong."""

    detail: str = Field(description="What, where, and what to do next.")


# What every route may answer besides; Airflow's own two among them.
RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The request cannot be carried out as it is"},
    401: {"model": Problem, "description": "Not signed in"},
    403: {"model": Problem, "description": "Signed in, and not allowed"},
    404: {"model": Problem, "description": "There is no such thing"},
    409: {"model": Problem, "description": "It is at odds with what is stored"},
    413: {"model": Problem, "description": "The request is too large"},
    415: {"model": Problem, "description": "The request is not JSON"},
    422: {"model": Problem, "description": "A field is missing, or not what it must be"},
    502: {"model": Problem, "description": "AWS refused, or could not be reached"},
    503: {"model": Problem, "description": "Not set up, or AWS is busy"},
}


def handle_problems(app: FastAPI) -> None:
    """Turn what the core and AWS raise into answers."""
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, answer)


def _say(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    # An error may quote what was sent, and half a surrogate pair is no UTF-8.
    text = detail.encode(errors="replace").decode()
    return JSONResponse({"detail": text}, status, headers)


def _refuse(request: Request, error: Exception) -> JSONResponse:
    return _say(409 if isinstance(error, IndexMismatch | EmbeddingExists) else 400, str(error))


def _not_set_up(request: Request, error: Exception) -> JSONResponse:
    return _say(503, str(error))


def _aws(request: Request, error: Any) -> JSONResponse:
    code, said = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    log.warning("%s %s: %s", request.method, request.url.path, error)
    if code in _BUSY:
        return _say(503, f"AWS is busy ({error.operation_name}: {code}). Try again.", {"Retry-After": "2"})
    return _say(502, f"AWS refused {error.operation_name}: {code}: {said}")


def _unreachable(request: Request, error: Exception) -> JSONResponse:
    log.warning("%s %s: %s", request.method, request.url.path, error)
    return _say(502, f"AWS cannot be asked from the api-server: {error}")


def _invalid(request: Request, error: Any) -> JSONResponse:
    told = "; ".join(f"{_place(one['loc'])}: {one['msg']}" for one in error.errors())
    return _say(422, told)


def _place(location: tuple[Any, ...]) -> str:
    return ".".join(map(str, location[1:])) or "the body"


_ANSWERS: dict[type[Exception], Callable[[Request, Any], JSONResponse]] = {
    BadSetting: _refuse,
    IndexMismatch: _refuse,
    AirflowFailException: _not_set_up,
    ClientError: _aws,
    BotoCoreError: _unreachable,
    RequestValidationError: _invalid,
}
