"""S3 clients with which local AWS calls itself: Bedrock reads its sources and writes its output through S3."""

from __future__ import annotations

import threading
from typing import Any

import boto3
from botocore.config import Config

from nova_mme_local.frame import INTERNAL_KEY


class InternalS3:
    """boto3 clients of the local S3, one for each region; their calls are neither counted nor hurt by faults."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def client(self, region: str) -> Any:
        """Return the client of a region, made at the first call."""
        with self._lock:
            if region not in self._clients:
                self._clients[region] = self._open(region)
            return self._clients[region]

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _open(self, region: str) -> Any:
        # A session of its own: the default one reads the user's profile, which may not exist, or demand a login.
        session = boto3.session.Session(
            aws_access_key_id=INTERNAL_KEY, aws_secret_access_key=INTERNAL_KEY, region_name=region
        )
        config = Config(s3={"addressing_style": "path"}, max_pool_connections=20)
        return session.client("s3", endpoint_url=self._url, config=config)
