"""The search page of a running stack, as a person meets it: from the address to the first result.

By HTTP alone, and in a browser where there is one: the page's files, its query, and the card that is drawn.
"""

from __future__ import annotations

import json
import statistics
import time
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from nova_mme_local.browser import find_browser

_REPEATS = 15
_WORDS = "cats in the rain"
# A server of this machine: never by way of a proxy.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def measure_page(airflow_url: str) -> None:
    """Print what the page and its search take; the first search makes the clients as well."""
    url = f"{airflow_url}/nova-mme/"
    token = json.load(_OPENER.open(f"{airflow_url}/auth/token"))["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps({"text": _WORDS}).encode()
    search = urllib.request.Request(f"{url}api/search", body, headers)
    page = urllib.request.Request(url, headers=headers)
    print(f"The page of a running Airflow, the sample media embedded, {_REPEATS} times, ms:")
    print(f"  {'first search of all':<34}{_time(lambda: _read(search)):>8.0f}")
    for name, request in (("GET the page", page), ("POST api/search", search)):
        _tell(name, [_time(lambda request=request: _read(request)) for _ in range(_REPEATS)])
    _measure_browser(f"{url}#q={quote(_WORDS)}", token)


def _measure_browser(address: str, token: str) -> None:
    program = find_browser()
    if program is None:
        print("  (no Chromium on this machine: the browser's part was not measured)")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        # A new tab each time, so that nothing but the files' own caching is kept.
        context = browser.new_context(extra_http_headers={"Authorization": f"Bearer {token}"})

        def draw() -> None:
            tab = context.new_page()
            tab.goto(address, wait_until="commit")
            tab.wait_for_selector(".card")
            tab.close()

        draw()
        _tell("browser: address to first result", [_time(draw) for _ in range(_REPEATS)])
        browser.close()


def _tell(name: str, times: list[float]) -> None:
    slow = statistics.quantiles(times, n=20)[-1]
    print(f"  {name:<34}{statistics.median(times):>8.0f}   p95 {slow:.0f}")


def _time(act: Callable[[], Any]) -> float:
    start = time.perf_counter()
    act()
    return (time.perf_counter() - start) * 1000


def _read(request: urllib.request.Request) -> bytes:
    with _OPENER.open(request, timeout=60) as answer:
        found: bytes = answer.read()
        return found
