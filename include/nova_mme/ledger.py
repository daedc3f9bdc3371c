"""The ledger: one DynamoDB item per source and space, the only truth about what is done.

Identity (``object_id``), content (``etag``) and recipe are three attributes: the first never changes, and a
change of either of the others makes the source due again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nova_mme.errors import Reason
from nova_mme.recipe import Recipe
from nova_mme.source import Source
from nova_mme.space import Space

# DynamoDB's BatchGetItem takes at most 100 keys.
_BATCH = 100
_MESSAGE_CHARACTERS = 2000

_REACHED = "reached_"


class Status(StrEnum):
    """How far a source is in a space."""

    SUBMITTED = "submitted"  # a job was started; its ARN is in the row
    STORED = "stored"  # every segment is in all four indexes
    PARTIAL = "partial"  # stored, but for the segments that the model failed
    FAILED = "failed"  # a dead letter, unless its reason is retryable


@dataclass(frozen=True, slots=True)
class Row:
    """One ledger item.

    :ivar attempt: which paid attempt at this etag and recipe the row is about; 1 is the first.
    :ivar segments: embedding type -> how far the stored segments reach (an earlier version's until replaced).
    :ivar reached: embedding type -> how far any try to store has ever reached: below it, vectors may exist.
    """

    object_id: str
    space: str
    uri: str
    etag: str
    recipe: str
    status: Status
    attempt: int = 1
    reason: Reason | None = None
    message: str = ""
    invocation_arn: str = ""
    media_format: str = ""
    content_type: str = ""
    segments: Mapping[str, int] = field(default_factory=dict)
    reached: Mapping[str, int] = field(default_factory=dict)
    failed_segments: int = 0

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> Row:
        """A row from a DynamoDB item."""
        reason = item.get("reason")
        return cls(
            object_id=item["object_id"],
            space=item["space"],
            uri=item["uri"],
            etag=item["etag"],
            recipe=item["recipe"],
            status=Status(item["status"]),
            attempt=int(item["attempt"]),
            reason=Reason(reason) if reason else None,
            message=item.get("message", ""),
            invocation_arn=item.get("invocation_arn", ""),
            media_format=item.get("media_format", ""),
            content_type=item.get("content_type", ""),
            segments={name: int(count) for name, count in item.get("segments", {}).items()},
            reached={
                name.removeprefix(_REACHED): int(value)
                for name, value in item.items()
                if name.startswith(_REACHED)
            },
            failed_segments=int(item.get("failed_segments", 0)),
        )

    @property
    def version(self) -> str:
        """What the row is about, to be compared only."""
        return f"{self.etag}/{self.recipe}"

    def is_about(self, source: Source, recipe: Recipe) -> bool:
        """Whether the row tells of this very content, embedded with this very recipe."""
        return self.etag == source.etag and self.recipe == recipe.fingerprint


@dataclass(frozen=True, slots=True)
class Ledger:
    """The rows of one space.

    :ivar dynamodb: a boto3 DynamoDB resource.
    """

    dynamodb: Any
    table_name: str
    space: Space

    def ensure(self) -> bool:
        """Create the table (on-demand capacity) unless it exists; returns whether it was created."""
        client = self.dynamodb.meta.client
        try:
            self.dynamodb.create_table(
                TableName=self.table_name,
                KeySchema=[
                    {"AttributeName": "object_id", "KeyType": "HASH"},
                    {"AttributeName": "space", "KeyType": "RANGE"},
                ],
                AttributeDefinitions=[
                    {"AttributeName": "object_id", "AttributeType": "S"},
                    {"AttributeName": "space", "AttributeType": "S"},
                ],
                BillingMode="PAY_PER_REQUEST",
            )
            created = True
        except client.exceptions.ResourceInUseException:
            created = False
        # Somebody else's new table may still be on its way, too.
        client.get_waiter("table_exists").wait(TableName=self.table_name, WaiterConfig={"Delay": 2})
        return created

    def rows(self, sources: Iterable[Source]) -> dict[str, Row]:
        """The rows that exist for these sources, by object id."""
        ids = list(dict.fromkeys(source.object_id for source in sources))
        found: dict[str, Row] = {}
        for start in range(0, len(ids), _BATCH):
            keys = [{"object_id": name, "space": self.space.name} for name in ids[start : start + _BATCH]]
            for item in self._batch_get(keys):
                found[item["object_id"]] = Row.read(item)
        return found

    def _batch_get(self, keys: list[dict[str, str]]) -> Iterable[dict[str, Any]]:
        request: dict[str, Any] = {self.table_name: {"Keys": keys, "ConsistentRead": True}}
        pause = 0.05
        while request:
            answer = self.dynamodb.batch_get_item(RequestItems=request)
            yield from answer["Responses"].get(self.table_name, ())
            request = answer.get("UnprocessedKeys") or {}
            if request:  # throttled: DynamoDB asks for exponential backoff here, botocore does not see it
                time.sleep(pause)
                pause = min(2 * pause, 5.0)

    def submitted(
        self,
        source: Source,
        recipe: Recipe,
        *,
        attempt: int,
        invocation_arn: str,
        media_format: str,
        content_type: str,
    ) -> None:
        """Note a started job. What an earlier version has stored stays noted until it is replaced."""
        values = self._about(source, recipe) | {
            "status": Status.SUBMITTED,
            "attempt": attempt,
            "invocation_arn": invocation_arn,
            "media_format": media_format,
            "content_type": content_type,
            "reason": None,
            "message": None,
        }
        self._update(source, values)

    def reach(self, source: Source, embedding_type: str, extent: int) -> None:
        """Note, before it is done, that segments up to ``extent`` are being put; it only ever grows.

        Should the task die before it notes what it has stored, the next one knows what it may have left behind.
        """
        name = f"{_REACHED}{embedding_type}"
        self._update(
            source,
            {name: extent},
            condition="attribute_exists(#d) AND (attribute_not_exists(#c) OR #c < :c)",
            names={"#c": name, "#d": "etag"},
            values={":c": extent},
        )

    def stored(
        self,
        source: Source,
        recipe: Recipe,
        *,
        segments: Mapping[str, int],
        reached: Iterable[str] = (),
        invocation_arn: str = "",
        failed_segments: int = 0,
        reason: Reason | None = None,
        message: str = "",
    ) -> bool:
        """Note that the vectors are in all four indexes; partial when some of the segments failed.

        :param reached: the embedding types whose left-over segments were deleted.
        :returns: False when the row tells of another version by now, which then is as it was.
        """
        values: dict[str, Any] = {f"{_REACHED}{name}": segments.get(name) for name in reached}
        values |= self._about(source, recipe)
        values |= {
            "status": Status.PARTIAL if failed_segments else Status.STORED,
            "segments": dict(segments),
            "failed_segments": failed_segments,
            "reason": reason,
            "message": message[:_MESSAGE_CHARACTERS] or None,
        }
        still = self._same_version(source, recipe)
        if invocation_arn:
            still["condition"] += " AND #e = :e"
            still["names"]["#e"] = "invocation_arn"
            still["values"][":e"] = invocation_arn
        return self._update(source, values, **still)

    def failed(
        self,
        source: Source,
        recipe: Recipe,
        *,
        attempt: int,
        reason: Reason,
        message: str,
        only_this_version: bool = False,
    ) -> bool:
        """Note a failure; with ``only_this_version``, unless the row tells of another version by now."""
        values = self._about(source, recipe) | {
            "status": Status.FAILED,
            "attempt": attempt,
            "reason": reason,
            "message": message[:_MESSAGE_CHARACTERS] or None,
            "failed_segments": None,
        }
        return self._update(
            source, values, **(self._same_version(source, recipe) if only_this_version else {})
        )

    def reopen(self, source: Source) -> bool:
        """Have a stored source stored once more from its own job, since older vectors were put over its own."""
        return self._update(
            source,
            {"status": Status.SUBMITTED},
            condition="#c IN (:c, :d)",
            names={"#c": "status"},
            values={":c": Status.STORED, ":d": Status.PARTIAL},
        )

    @staticmethod
    def _about(source: Source, recipe: Recipe) -> dict[str, Any]:
        return {
            "uri": source.uri,
            "etag": source.etag,
            "size": source.size,
            "modified": source.modified,
            "modality": recipe.modality.value,
            "recipe": recipe.fingerprint,
        }

    @staticmethod
    def _same_version(source: Source, recipe: Recipe) -> dict[str, Any]:
        return {
            "condition": "#c = :c AND #d = :d",
            "names": {"#c": "etag", "#d": "recipe"},
            "values": {":c": source.etag, ":d": recipe.fingerprint},
        }

    def _update(
        self,
        source: Source,
        changes: Mapping[str, Any],
        *,
        condition: str = "",
        names: Mapping[str, str] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> bool:
        """Set what has a value and remove what has none; False when the condition does not hold."""
        changes = {**changes, "updated": int(time.time())}
        kept = {name: value for name, value in changes.items() if value is not None}
        gone = [name for name in changes if name not in kept]
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in kept)
        if gone:
            expression += " REMOVE " + ", ".join(f"#{name}" for name in gone)
        table = self.dynamodb.Table(self.table_name)
        try:
            table.update_item(
                Key={"object_id": source.object_id, "space": self.space.name},
                UpdateExpression=expression,
                ExpressionAttributeNames={f"#{name}": name for name in changes} | dict(names or {}),
                ExpressionAttributeValues={f":{name}": value for name, value in kept.items()}
                | dict(values or {}),
                **({"ConditionExpression": condition} if condition else {}),
            )
        except table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True
