"""Local AWS, whole: S3, SQS, DynamoDB, STS, S3 Vectors and the Bedrock runtime behind one address."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Any

from nova_mme_local.account import ACCOUNT
from nova_mme_local.bedrock.service import Bedrock
from nova_mme_local.console import Console, is_loopback
from nova_mme_local.datadir import DataDir
from nova_mme_local.durable.keeper import Keeper
from nova_mme_local.emulated import Emulated
from nova_mme_local.faults import Faults
from nova_mme_local.frame import Frame
from nova_mme_local.handler import Server, listen
from nova_mme_local.internal import InternalS3
from nova_mme_local.locks import KeyLocks
from nova_mme_local.motoserver import Moto
from nova_mme_local.s3vectors.service import S3Vectors
from nova_mme_local.stats import Stats

# moto's backends are global to the process, so there can be one of us at a time.
_ONLY_ONE = threading.Lock()


class LocalAws:
    """A running local AWS: `with LocalAws() as aws: boto3.client("s3", endpoint_url=aws.url)`.

    Without `data` nothing outlives it. `port` 0 takes a free one. One per process, because moto's state is
    global to the process: RuntimeError for a second one. OSError when the address is taken.
    """

    def __init__(
        self,
        *,
        data: Path | str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        allow_remote: bool = False,
        job_seconds: float = 6.0,
        async_quota: int = 20,
        match_names: bool = True,
        workers: int = 2,
    ) -> None:
        if not (allow_remote or is_loopback(f"[{host}]" if ":" in host else host)):
            raise ValueError(
                f"{host} is not a loopback address; anyone could use local AWS there (--allow-remote)"
            )
        with ExitStack() as opened:  # what was opened is closed again, should anything after it fail
            listening = opened.enter_context(listen(host, port))
            self.url = _show_address(listening)
            _claim_process()
            opened.callback(_ONLY_ONE.release)
            self._data = opened.enter_context(closing(DataDir(Path(data)))) if data else None
            self._stats, self._faults = Stats(), Faults()
            self._emulated = opened.enter_context(closing(self._open_emulated()))
            self._vectors = opened.enter_context(closing(S3Vectors(self._file("vectors.sqlite3"))))
            s3 = opened.enter_context(closing(InternalS3(self.url)))
            self._bedrock = Bedrock(
                s3=s3.client,
                faults=self._faults,
                database=self._file("bedrock.sqlite3"),
                job_seconds=job_seconds,
                async_quota=async_quota,
                workers=workers,
                match_names=match_names,
                account=ACCOUNT,
            )
            self._server = Server(listening, self._open_frame(any_host=allow_remote))
            self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
            opened.callback(self._server.server_close)
            opened.callback(self._stop_serving)
            opened.callback(self._bedrock.close)  # first of all: its jobs still write through the server
            self._opened = opened.pop_all()

    def start(self) -> LocalAws:
        """Answer requests from now on, in threads of its own; finish the jobs that a restart interrupted."""
        self._thread.start()
        self._bedrock.resume()
        return self

    def close(self) -> None:
        """Stop answering and close everything; what was stored is on disk, if there is a data directory."""
        self._opened.close()

    def reset(self) -> None:
        """Empty everything: objects, vectors, tables, queues, jobs, counters and faults, on disk too."""
        self._faults.replace([])
        self._bedrock.reset()
        self._vectors.reset()
        self._emulated.reset()
        self._stats.reset()

    def show_stats(self) -> dict[str, Any]:
        """Return what GET /_local/stats answers."""
        return {**self._stats.show(), "async_jobs": self._bedrock.async_jobs()}

    def __enter__(self) -> LocalAws:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _stop_serving(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()

    def _file(self, name: str) -> Path | None:
        return self._data.path / name if self._data else None

    def _open_emulated(self) -> Emulated:
        moto, locks = Moto(), KeyLocks()
        moto.reset()  # whoever used moto in this process before has left something, perhaps
        keeper = Keeper(self._data.path, locks) if self._data else None
        if keeper:
            keeper.restore(moto)
        return Emulated(moto, keeper, locks)

    def _open_frame(self, *, any_host: bool) -> Frame:
        health = {
            "status": "ok",
            "url": self.url,
            "data": str(self._data.path) if self._data else None,
            "services": ["bedrock-runtime", "dynamodb", "s3", "s3vectors", "sqs", "sts"],
        }
        console = Console(
            faults=self._faults,
            show_stats=self.show_stats,
            reset=self.reset,
            health=health,
            any_host=any_host,
        )
        return Frame(
            services={service.name: service for service in (self._vectors, self._bedrock)},
            emulated=self._emulated,
            faults=self._faults,
            stats=self._stats,
            console=console,
        )


def _claim_process() -> None:
    if not _ONLY_ONE.acquire(blocking=False):
        raise RuntimeError("this process already runs a local AWS; close it first")


def _show_address(listening: socket.socket) -> str:
    """Return the URL under which this machine itself reaches the socket."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
