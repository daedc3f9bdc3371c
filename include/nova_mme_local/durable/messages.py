"""SQS messages on disk: what waits in a queue survives; what is in flight is delivered again.

Receipt handles and visibility timeouts are lost with the process, so a message that was received and not yet
deleted becomes visible at once. SQS delivers at least once anyway.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from typing import Any

import orjson

from nova_mme_local.account import ACCOUNT
from nova_mme_local.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    sequence INTEGER PRIMARY KEY, region TEXT, queue TEXT, id TEXT UNIQUE, document BLOB
);
"""
KEPT = (
    "sent_timestamp",
    "delayed_until",
    "deduplication_id",
    "group_id",
    "sequence_number",
    "approximate_receive_count",
    "approximate_first_receive_timestamp",
)
Place = tuple[str, str, str]  # region, queue, message


class Messages:
    """A mirror of the messages of all queues."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._kept: set[Place] = set()

    def keep(self) -> None:
        """Bring the disk in line with all queues: calls move messages in many ways, even calls to S3."""
        with self._lock:
            found = dict(_list_messages())
            gone, new = self._kept - found.keys(), [place for place in found if place not in self._kept]
            if gone or new:
                self._write(gone, [(*place, _encode(found[place])) for place in new])
                self._kept = set(found)

    def restore(self) -> None:
        """Put all messages back into their queues, in the order of arrival; the queues must exist."""
        rows = self._database.read("SELECT region, queue, id, document FROM messages ORDER BY sequence")
        for region, queue, name, document in rows:
            find_queue(region, queue)._messages.append(_open_message(name, orjson.loads(document)))
        self._kept = {row[:3] for row in rows}

    def clear(self) -> None:
        """Forget what is known to be kept; the rows are dropped by the owner of the database."""
        with self._lock:
            self._kept.clear()

    def _write(self, gone: set[Place], new: list[tuple[str, str, str, bytes]]) -> None:
        with self._database.write() as connection:
            connection.executemany(
                "DELETE FROM messages WHERE region = ? AND queue = ? AND id = ?", sorted(gone)
            )
            connection.executemany(
                "INSERT INTO messages (region, queue, id, document) VALUES (?, ?, ?, ?)", new
            )


def _list_messages() -> Iterator[tuple[Place, Any]]:
    from moto.sqs.models import sqs_backends

    for region, backend in list(sqs_backends[ACCOUNT].items()):
        for queue in list(backend.queues.values()):
            for message in list(queue._messages):
                yield (region, queue.name, message.id), message


def find_queue(region: str, name: str) -> Any:
    """Return moto's queue."""
    from moto.sqs.models import sqs_backends

    return sqs_backends[ACCOUNT][region].queues[name]


def _encode(message: Any) -> bytes:
    document = {name: getattr(message, name) for name in KEPT}
    document["body"] = message.body
    document["system_attributes"] = message.system_attributes
    document["message_attributes"] = message.message_attributes
    return orjson.dumps(document, default=lambda value: {"base64": base64.b64encode(value).decode()})


def _open_message(name: str, document: dict[str, Any]) -> Any:
    from moto.sqs.models import Message

    message = Message(name, document["body"], document["system_attributes"])
    message.message_attributes = {
        key: {kind: _decode(value) for kind, value in attribute.items()}
        for key, attribute in document["message_attributes"].items()
    }
    for kept in KEPT:
        setattr(message, kept, document[kept])
    return message


def _decode(value: Any) -> Any:
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value
