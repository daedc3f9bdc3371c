"""Local AWS over real HTTP for the core's tests: one server per module, emptied before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from core.deployment import Deployment

from nova_mme_local.server import LocalAws


@pytest.fixture(scope="module")
def server() -> Iterator[LocalAws]:
    """A local AWS for the tests of one module; in memory, on a free port."""
    with LocalAws(job_seconds=0.0, match_names=False) as aws:
        yield aws


@pytest.fixture(scope="module")
def clients(server: LocalAws) -> Deployment:
    """The module's clients: opening them costs more than most tests."""
    return Deployment(server)


@pytest.fixture
def empty(server: LocalAws, clients: Deployment) -> Deployment:
    """Clients of an empty AWS."""
    server.reset()
    return clients


@pytest.fixture
def buckets(empty: Deployment) -> Deployment:
    """A deployment of which only the two buckets are there, for what reads and writes S3 alone."""
    return empty.create_buckets()


@pytest.fixture
def deployment(empty: Deployment) -> Deployment:
    """A deployment that is set up and holds nothing."""
    return empty.create()
