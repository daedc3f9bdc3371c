"""Runs commands in this process against local AWS over real HTTP, with the environment that a shell would have."""

from __future__ import annotations

import io
import json
import os
import select
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, TextIO

import pytest
from core.deployment import Deployment

from nova_mme_command.deployment import VARIABLE
from nova_mme_command.main import main
from nova_mme_local.server import LocalAws


@dataclass(frozen=True, slots=True)
class Done:
    """What a command has done."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document, which must be all of stdout."""
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalAws]:
    """A local AWS for the tests of one module; in memory, on a free port."""
    with LocalAws(job_seconds=0.0, match_names=False) as aws:
        yield aws


@pytest.fixture(scope="module")
def clients(server: LocalAws) -> Deployment:
    """The module's own clients."""
    return Deployment(server)


@pytest.fixture
def empty(server: LocalAws, clients: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """An empty AWS, and an environment that leads there."""
    server.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv(VARIABLE, json.dumps(asdict(clients.settings)))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return clients


@pytest.fixture
def deployment(empty: Deployment) -> Deployment:
    """A deployment that is set up and holds nothing."""
    return empty.create()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; argparse's own exits are exit codes as well."""

    def call(*arguments: object) -> Done:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as error:
            code = int(error.code or 0)
        return Done(code, *capsys.readouterr())

    return call


@dataclass(frozen=True, slots=True)
class Keyboard:
    """A terminal: what is typed at its one end, and read or written at the other."""

    master: int
    stream: TextIO

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.master, text.encode())

    def seen(self, ending: str) -> str:
        """What is on the screen once it ends like this; the kernel hands it over in parts."""
        self.stream.flush()
        seen = ""
        while not seen.endswith(ending):
            assert select.select([self.master], [], [], 10)[0], f"only {seen!r} is to be seen"
            seen += os.read(self.master, 1 << 16).decode()
        return seen


@pytest.fixture
def keyboard() -> Iterator[Keyboard]:
    """A pseudo-terminal."""
    master, slave = os.openpty()
    raw = open(slave, "r+b", buffering=0)  # noqa: SIM115 (its wrapper closes it)
    with io.TextIOWrapper(raw, encoding="utf-8", write_through=True) as stream:
        yield Keyboard(master, stream)
    os.close(master)
