"""What every call passes through: it is named, counted and, when a fault says so, hurt; then its service answers."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

import orjson

from nova_mme_local.console import PREFIX, Console
from nova_mme_local.emulated import Emulated
from nova_mme_local.faults import CallFault, Faults
from nova_mme_local.protocols import answer_error_of, name_operation
from nova_mme_local.scope import Scope, find_scope
from nova_mme_local.stats import Stats
from nova_mme_local.wire import AwsError, Request, Response, answer_error

LOG = logging.getLogger(__name__)

# Calls signed with this key come from local AWS itself (Bedrock writing its output): not counted, never hurt.
INTERNAL_KEY = "LOCALAWSINTERNAL"


class Service(Protocol):
    """A service of ours."""

    name: str

    def operation(self, request: Request) -> str:
        """Name the operation of a request."""

    def answer(self, operation: str, request: Request) -> Response:
        """Carry it out."""


class Frame:
    """Routes calls by their scope: to a service of ours, or else to moto."""

    def __init__(
        self,
        *,
        services: Mapping[str, Service],
        emulated: Emulated,
        faults: Faults,
        stats: Stats,
        console: Console,
    ) -> None:
        self._services = services
        self._emulated = emulated
        self._faults = faults
        self._stats = stats
        self._console = console

    def answer(self, environ: Mapping[str, Any], body: bytes) -> Response | None:
        """Answer one HTTP request; None means: drop the connection."""
        request, scope = read_request(environ, body)
        if request.path.startswith(PREFIX):
            return self._console.answer(request)
        if request.path.startswith("/moto-api"):  # it would change moto's memory behind our back
            return answer_error(
                "", AwsError("NotFound", "moto's own API is closed; see /_local/", status=404)
            )
        started = time.perf_counter()
        name, response = self._carry_out(request, scope, environ)
        if scope.access_key != INTERNAL_KEY:
            self._stats.count(name, status=response.status if response else None, bytes_in=len(body))
        status = response.status if response else "dropped"
        LOG.debug("%s %s %s %.1f ms", name, request.path, status, 1e3 * (time.perf_counter() - started))
        return response

    def _carry_out(
        self, request: Request, scope: Scope, environ: Mapping[str, Any]
    ) -> tuple[str, Response | None]:
        try:
            operation = self._name(request, scope)
        except AwsError as error:
            return f"{scope.service}.Unknown", answer_error(scope.service, error)
        name = f"{scope.service}.{operation}"
        fault = self._find_fault(name, request, scope)
        if fault is None:
            return name, self._perform(operation, request, scope, environ)
        time.sleep(fault.delay_seconds)
        if fault.only_slow or fault.after:
            response = self._perform(operation, request, scope, environ)
        return name, response if fault.only_slow else _refuse(fault, request, scope)

    def _name(self, request: Request, scope: Scope) -> str:
        service = self._services.get(scope.service)
        return service.operation(request) if service else name_operation(scope.service, request)

    def _perform(
        self, operation: str, request: Request, scope: Scope, environ: Mapping[str, Any]
    ) -> Response:
        service = self._services.get(scope.service)
        try:
            if service is None:
                return self._emulated.answer(scope, operation, request, environ)
            return service.answer(operation, request)
        except AwsError as error:
            return answer_error(scope.service, error)
        except NotImplementedError as error:  # moto's; AWS SDKs repeat a 500, and not this
            return answer_error(scope.service, AwsError("NotImplemented", str(error), status=501))

    def _find_fault(self, name: str, request: Request, scope: Scope) -> CallFault | None:
        if scope.access_key == INTERNAL_KEY:
            return None
        index = _find_index(request) if self._faults.asks_for_index(name) else None
        return self._faults.for_call(name, index=index)


def read_request(environ: Mapping[str, Any], body: bytes) -> tuple[Request, Scope]:
    """Turn a WSGI environment and a complete body into a request and the scope it is for."""
    path = environ["RAW_URI"].partition("?")[0]
    if not path.startswith("/"):  # a proxy's absolute form
        path = "/" + path.partition("://")[2].partition("/")[2]
    query_string = environ.get("QUERY_STRING", "")
    query = dict(parse_qsl(query_string, keep_blank_values=True))
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    scope = find_scope(path, query, headers)
    return Request(environ["REQUEST_METHOD"], path, query, headers, body, scope.region, query_string), scope


def _refuse(fault: CallFault, request: Request, scope: Scope) -> Response | None:
    if fault.drop_connection:
        return None
    error = AwsError(fault.code, fault.message, status=fault.status)
    return answer_error_of(scope.service, request, error)


def _find_index(request: Request) -> str | None:
    """Return the vector index that a call names, if it names one."""
    try:
        params = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(params, dict):
        return None
    name = params.get("indexName") or str(params.get("indexArn", "")).rpartition("/index/")[2]
    return name or None
