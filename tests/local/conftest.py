"""A local AWS for each test, over real HTTP on a free port, and clients that know its address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from local.clients import open_client

from nova_mme_local.server import LocalAws


@pytest.fixture
def local_aws() -> Iterator[LocalAws]:
    """A local AWS of its own for one test; nothing outlives it."""
    with LocalAws(job_seconds=0.2) as aws:
        yield aws


@pytest.fixture
def client(local_aws: LocalAws) -> Callable[..., Any]:
    """Open clients of the test's local AWS: `client("s3")`."""
    return partial(open_client, local_aws)
