"""Decides what a call to moto changed, keeps it, and gives everything back at the next start."""

from __future__ import annotations

from pathlib import Path

from nova_mme_local.database import Database
from nova_mme_local.durable import ages, definitions, items, messages, objects
from nova_mme_local.locks import KeyLocks
from nova_mme_local.motoserver import Moto
from nova_mme_local.protocols import split_object_path
from nova_mme_local.wire import Request

# They change nothing that is kept: parts are lost with the process until their upload is completed.
UNKEPT = {
    "CreateMultipartUpload",
    "UploadPart",
    "UploadPartCopy",
    "AbortMultipartUpload",
    "SelectObjectContent",
}


class Keeper:
    """Write-through persistence of S3, DynamoDB and SQS in one directory.

    Not kept: other services of moto, uploads in parts under way, DynamoDB streams, receipt handles of SQS.
    """

    def __init__(self, directory: Path, locks: KeyLocks) -> None:
        schema = definitions.SCHEMA + objects.SCHEMA + items.SCHEMA + messages.SCHEMA
        self._database = Database(directory / "moto.sqlite3", schema)
        self._definitions = definitions.Definitions(self._database)
        self._objects = objects.Objects(self._database, directory / "objects", locks)
        self._items = items.Items(self._database)
        self._messages = messages.Messages(self._database)

    def keep(self, service: str, operation: str, region: str, request: Request) -> None:
        """Keep what a successful call changed; returns when it is on disk."""
        if service == "s3" and request.method not in ("GET", "HEAD") and operation not in UNKEPT:
            self._definitions.keep(service, operation, region, request)
            self._keep_objects(request)
            self._messages.keep()  # events that the call sent
        elif service == "dynamodb":
            self._definitions.keep(service, operation, region, request)
            self._items.keep(operation, region, request)
        elif service == "sqs":
            self._definitions.keep(service, operation, region, request)
            self._messages.keep()

    def restore(self, moto: Moto) -> None:
        """Give an empty moto everything back that was kept; sends no event to anyone."""
        made = self._definitions.replay(moto)
        self._objects.restore()
        self._items.restore()
        self._messages.restore()
        for resource, at in made.items():
            ages.set_age(*resource, at)

    def clear(self) -> None:
        """Forget everything on disk."""
        self._database.clear("definitions", "objects", "items", "messages")
        self._objects.clear()
        self._messages.clear()

    def close(self) -> None:
        """Close the database; everything is on disk already."""
        self._database.close()

    def _keep_objects(self, request: Request) -> None:
        bucket, key = split_object_path(request.path)
        if key:
            self._objects.keep_key(bucket, key)
        elif bucket:
            self._objects.keep_bucket(bucket)
