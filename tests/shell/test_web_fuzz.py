"""The web API, asked by a fuzzer whatever its OpenAPI document allows, and what it does not."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from core.builders import make_run
from shell.web_site import Site

_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)


@pytest.fixture
def url(site: Site) -> Iterator[str]:
    """The application behind a real server, with something to be found."""
    for name in ("cats", "dogs"):
        site.deployment.upload(f"{name}.txt", f"{name} at night".encode())
    site.deployment.embed(make_run())
    ready = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            ready.set()

    server = Server(uvicorn.Config(site.client.app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    assert ready.wait(10)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def test_no_request_is_a_500(url: str, tmp_path: Path) -> None:
    """Every answer is of a status and a shape that the document names; what it does not allow is refused."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"),
            *("--checks", ",".join(_CHECKS), "--mode", "all", "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", "25", "--seed", "1", "--generation-database", ":memory:", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
