"""Buckets with their settings, tables and queues: kept as the calls that made them, and made again by replaying these."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping

import orjson

from nova_mme_local.database import Database
from nova_mme_local.durable.ages import read_age
from nova_mme_local.motoserver import Moto
from nova_mme_local.protocols import read_call, split_object_path
from nova_mme_local.wire import Request

LOG = logging.getLogger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS definitions (
    sequence INTEGER PRIMARY KEY, service TEXT, region TEXT, resource TEXT, slot TEXT, made REAL,
    method TEXT, target TEXT, headers BLOB, body BLOB
);
"""

# Buckets come first: a bucket whose notifications are set sends a test event, which must not reach a queue.
SERVICES = ("s3", "sqs", "dynamodb")
CREATIONS = {"CreateBucket", "CreateTable", "CreateQueue"}
DELETIONS = {"DeleteBucket", "DeleteTable", "DeleteQueue"}
CHANGES = {
    "sqs": {"SetQueueAttributes", "TagQueue", "UntagQueue", "AddPermission", "RemovePermission"},
    "dynamodb": {
        "UpdateTable",
        "UpdateTimeToLive",
        "TagResource",
        "UntagResource",
        "UpdateContinuousBackups",
    },
}
KEPT_HEADERS = ("content-type", "content-md5", "content-encoding")


Resource = tuple[str, str, str]  # service, region, name


class Definitions:
    """The calls that made what exists, each with the time at which its resource was made."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, service: str, operation: str, region: str, request: Request) -> None:
        """Keep a call that changed a definition; a deletion forgets all calls on its resource."""
        if operation in DELETIONS:
            self._forget(service, region, _find_resource(service, request))
        elif operation in CREATIONS or _is_change(service, operation, request):
            self._add(service, operation, region, request)

    def replay(self, moto: Moto) -> dict[Resource, float]:
        """Make everything again; return when each resource was made first, in epoch seconds.

        RuntimeError when moto refuses to make a resource again; a refused change is told in the log.
        """
        made: dict[Resource, float] = {}
        for service in SERVICES:
            for row in self._database.read(
                "SELECT region, resource, slot, made, method, target, headers, body FROM definitions "
                "WHERE service = ? ORDER BY sequence",
                (service,),
            ):
                region, resource, slot, at, method, target, headers, body = row
                told = orjson.loads(headers)
                answer = moto.call(service, region, method=method, target=target, headers=told, body=body)
                if answer.status >= 400:
                    _report_refusal(f"{service} {resource}", slot, answer.body.decode("utf-8", "replace"))
                made.setdefault((service, region, resource), at)
        return made

    def _add(self, service: str, operation: str, region: str, request: Request) -> None:
        where = (service, region, _find_resource(service, request), _find_slot(service, operation, request))
        target = request.path + (f"?{request.query_string}" if request.query_string else "")
        headers = orjson.dumps(_pick_headers(request.headers))
        with self._database.write() as connection:
            same = "service = ? AND region = ? AND resource = ? AND slot = ?"
            if operation in CREATIONS:  # creating again what exists changes nothing, and must stay first
                if connection.execute(f"SELECT 1 FROM definitions WHERE {same}", where).fetchone():
                    return
            else:
                connection.execute(f"DELETE FROM definitions WHERE {same}", where)
            if service == "s3" and request.method == "DELETE":  # the setting is gone: as in a new bucket
                return
            connection.execute(
                "INSERT INTO definitions (service, region, resource, slot, made, method, target, headers, body) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*where, read_age(*where[:3]), request.method, target, headers, request.body),
            )

    def _forget(self, service: str, region: str, resource: str) -> None:
        anywhere = service == "s3"  # a bucket can be deleted through another region's endpoint
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM definitions WHERE service = ? AND resource = ? AND (? OR region = ?)",
                (service, resource, anywhere, region),
            )


def _is_change(service: str, operation: str, request: Request) -> bool:
    if service != "s3":
        return operation in CHANGES.get(service, ())
    bucket, key = split_object_path(request.path)
    return bool(bucket) and not key and request.method in ("PUT", "DELETE")


def _find_resource(service: str, request: Request) -> str:
    """Name the bucket, the table or the queue that a call is about."""
    if service == "s3":
        return split_object_path(request.path)[0]
    params = read_call(request)
    if service == "sqs":
        return str(params.get("QueueName") or params.get("QueueUrl") or request.path).rpartition("/")[2]
    return str(params.get("TableName") or params.get("ResourceArn", "")).rpartition("/")[2]


def _find_slot(service: str, operation: str, request: Request) -> str:
    """Name what a call sets, so that setting it again replaces the older call."""
    if operation in CREATIONS:
        return operation
    if service == "s3":
        return request.query_string
    if operation == "UpdateTable":  # adds and removes indexes: the order of all of them matters
        return f"{operation} {time.time_ns()}"
    return f"{operation} {hashlib.sha256(request.body).hexdigest()}"


def _pick_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Keep what says how to read the body; never credentials."""
    return {
        name: value
        for name, value in headers.items()
        if name in KEPT_HEADERS or (name.startswith("x-amz-") and name != "x-amz-security-token")
    }


def _report_refusal(what: str, slot: str, told: str) -> None:
    if slot in CREATIONS:
        raise RuntimeError(
            f"{what} could not be restored: {told}; move the data directory away, or start with another --data"
        )
    LOG.warning("%s: a change was not restored: %s", what, told)
