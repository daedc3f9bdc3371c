"""The paths under /_local/: health, counters, faults and reset, for tests, scripts and people."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from nova_mme_local.faults import BadFault, Faults
from nova_mme_local.wire import AwsError, Request, Response, answer_error, answer_json, read_json

PREFIX = "/_local/"


class Console:
    """Answers /_local/; `show_jobs` tells about async jobs, `reset_services` empties everything stored."""

    def __init__(
        self,
        *,
        faults: Faults,
        show_stats: Callable[[], dict[str, Any]],
        reset: Callable[[], None],
        health: dict[str, Any],
        any_host: bool = False,
    ) -> None:
        self._faults = faults
        self._show_stats = show_stats
        self._reset = reset
        self._health = health
        self._any_host = any_host
        self._routes: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "health"): lambda request: self._health,
            ("GET", "stats"): lambda request: self._show_stats(),
            ("GET", "faults"): self._show_faults,
            ("PUT", "faults"): self._put_faults,
            ("DELETE", "faults"): self._delete_faults,
            ("POST", "reset"): self._do_reset,
        }

    def answer(self, request: Request) -> Response:
        """Answer one request; refusals are JSON with a message."""
        try:
            self._check_caller(request)
            return answer_json(self._find_route(request)(request))
        except AwsError as error:
            return answer_error("", error)

    def _check_caller(self, request: Request) -> None:
        """Refuse what comes from a web page: by a host name that points here, or from a page of another site."""
        origin = request.headers.get("origin")
        hosts = [request.headers.get("host", "")] + ([urlsplit(origin).netloc] if origin else [])
        if not self._any_host and not all(map(is_loopback, hosts)):
            raise AwsError(
                "AccessDenied",
                f"{PREFIX} answers on localhost only, and not to {' or '.join(hosts)}; use http://127.0.0.1",
                status=403,
            )

    def _find_route(self, request: Request) -> Callable[[Request], Any]:
        name = request.path.removeprefix(PREFIX)
        known = {name: [m for m, n in self._routes if n == name] for _, name in self._routes}
        if name not in known:
            raise AwsError(
                "NotFound", f"{request.path} does not exist; there are: {', '.join(known)}", status=404
            )
        if request.method not in known[name]:
            methods = " or ".join(known[name])
            raise AwsError("MethodNotAllowed", f"{request.path} takes {methods}", status=405)
        return self._routes[request.method, name]

    def _show_faults(self, _request: Request) -> dict[str, Any]:
        return {"faults": self._faults.show()}

    def _put_faults(self, request: Request) -> dict[str, Any]:
        entries = read_json(request.body)
        if not isinstance(entries, list):
            raise AwsError("ValidationException", "Faults must be a JSON list of objects")
        try:
            self._faults.replace(entries)
        except BadFault as error:
            raise AwsError("ValidationException", str(error)) from None
        return {"faults": self._faults.show()}

    def _delete_faults(self, _request: Request) -> dict[str, Any]:
        self._faults.replace([])
        return {"faults": []}

    def _do_reset(self, _request: Request) -> dict[str, Any]:
        self._reset()
        return {"status": "empty"}


def is_loopback(host: str) -> bool:
    """Whether a Host header, or a host with or without a port, means this machine itself."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
