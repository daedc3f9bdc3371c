"""The deployment that the api-server serves: opened once, and anew when its settings change."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nova_mme.media_link import MediaLinks
from nova_mme.search.searcher import Searcher
from nova_mme.settings import Settings
from nova_mme.source import S3Uri
from nova_mme_airflow.clients import Clients
from nova_mme_airflow.tasks import read_settings
from nova_mme_airflow.web.status_board import StatusBoard

# A connection that was changed in Airflow is taken up after so long.
_SECONDS = 300
_FRESH_SECONDS = 10.0
# Somebody is waiting: AWS is given up sooner than in a task.
_HASTE = {"attempts": 3, "connect_timeout": 5, "read_timeout": 30, "max_pool_connections": 50}


@dataclass
class OpenDeployment:
    """Clients and what is made of them; one serves all threads.

    :ivar board: counts the ledger; it outlives the clients, as a long count does.
    """

    settings: Settings
    board: StatusBoard = field(default_factory=StatusBoard)
    opened: float = field(default_factory=lambda: time.monotonic())

    def __post_init__(self) -> None:
        # boto3 sessions are not for several threads at a time, so all clients are made here, by one.
        clients = self.clients
        self.made = (
            clients.s3,
            clients.s3_links,
            clients.s3vectors,
            clients.bedrock,
            clients.dynamodb,
            clients.bedrock_models,
        )

    @cached_property
    def clients(self) -> Clients:
        """AWS clients that give up within a page's patience."""
        return Clients(self.settings, **_HASTE)

    @cached_property
    def searcher(self) -> Searcher:
        """Searches the active space."""
        clients = self.clients
        return Searcher(clients.registry, clients.s3vectors, clients.bedrock, self.settings)

    @cached_property
    def links(self) -> MediaLinks:
        """Signs links to sources."""
        return MediaLinks(self.clients.s3_links, S3Uri.parse(self.settings.source_uri))

    @property
    def owner(self) -> dict[str, Any]:
        """What lets S3 refuse a bucket of another account than the settings name."""
        return {"ExpectedBucketOwner": self.settings.bucket_owner} if self.settings.bucket_owner else {}


class Deployments:
    """Keeps the deployment open as long as its settings stay the same.

    :param fresh_seconds: so long the Variable is not read again: behind it may be a secrets backend, asked for money.
    """

    def __init__(self, fresh_seconds: float = _FRESH_SECONDS) -> None:
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._open: OpenDeployment | None = None
        self._fresh_until = 0.0

    def open(self) -> OpenDeployment:
        """The deployment that the Airflow Variable describes.

        :raises AirflowFailException: when there is none, or it cannot be used.
        """
        with self._lock:
            if self._open and time.monotonic() < self._fresh_until:
                return self._open
        settings = read_settings()
        with self._lock:
            now, moment = self._open, time.monotonic()
            if now is None or now.settings != settings:
                self._open = now = OpenDeployment(settings)
            elif moment - now.opened > _SECONDS:
                self._open = now = OpenDeployment(settings, now.board)
            self._fresh_until = moment + self._fresh_seconds
            return now
