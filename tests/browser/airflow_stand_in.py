"""The page's application as Airflow serves it, without Airflow: its runs' API, and a frame like its UI's."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse

from nova_mme_airflow.web.application import make_app
from nova_mme_airflow.web.deployment import Deployments

# What Airflow 3.1 to 3.3 put around an external view, to the letter of its sandbox.
_FRAME = """<!doctype html><title>Airflow</title><link rel="icon" href="data:,">
<iframe src="../nova-mme/" sandbox="allow-scripts allow-same-origin allow-forms" width="1200" height="800"></iframe>"""
_START_SECONDS = 20.0


@dataclass
class AirflowStandIn:
    """What of Airflow the page touches.

    :ivar refusal: the status that every request to the page's application is refused with; 0 for none.
    :ivar runs: the runs that were asked for: DAG id and body.
    """

    refusal: int = 0
    runs: list[tuple[str, Any]] = field(default_factory=list)
    url: str = ""

    def make(self) -> FastAPI:
        """The application; the base path is there to see that all addresses are relative."""
        root, airflow = FastAPI(), FastAPI()

        def check() -> None:
            if self.refusal:
                raise HTTPException(self.refusal, "Not authenticated")

        @airflow.post("/api/v2/dags/{dag_id}/dagRuns")
        def start(dag_id: str, body: dict[str, Any]) -> dict[str, str]:
            check()
            self.runs.append((dag_id, body))
            return {"dag_run_id": "manual__2026-11-27T05:00:00+00:00/1"}

        @airflow.get("/dags/{rest:path}", response_class=HTMLResponse)
        def show_run(rest: str) -> str:
            return "<!doctype html><title>Run</title><link rel='icon' href='data:,'>"

        @airflow.get("/plugin/media-search", response_class=HTMLResponse)
        def frame() -> str:
            return _FRAME

        airflow.mount("/nova-mme", make_app(Deployments().open, may_read=check, may_run=check))
        root.mount("/base", airflow)
        return root

    @contextmanager
    def serve(self) -> Iterator[AirflowStandIn]:
        """Answer on a free port, in a thread of its own."""
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            server = uvicorn.Server(uvicorn.Config(self.make(), log_level="error", lifespan="off"))
            started = threading.Event()
            server.config.load()
            thread = threading.Thread(target=_run, args=(server, listening, started), daemon=True)
            thread.start()
            assert started.wait(_START_SECONDS), "uvicorn did not start"
            self.url = f"http://127.0.0.1:{listening.getsockname()[1]}/base"
            yield self
            server.should_exit = True
            thread.join()


def _run(server: uvicorn.Server, listening: socket.socket, started: threading.Event) -> None:
    startup = server.startup

    async def start(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = start  # type: ignore[method-assign]
    server.run([listening])
