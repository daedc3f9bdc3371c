"""The ledger: one DynamoDB item per source and space, the only truth about what is done.

Identity (``object_id``), content (``etag``) and recipe are three attributes: the first never changes, and a
change of either of the others makes the source due again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nova_mme.errors import Reason
from nova_mme.ledger_scan import scan_items
from nova_mme.recipe import Recipe
from nova_mme.row import REACHED, Row, Status, pack_arns
from nova_mme.source import Identified, Source
from nova_mme.space import Space

# DynamoDB's BatchGetItem takes at most 100 keys.
_BATCH = 100
_MESSAGE_CHARACTERS = 2000


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

    def rows(self, sources: Iterable[Identified]) -> dict[str, Row]:
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
                time.sleep(random.uniform(0, pause))
                pause = min(2 * pause, 5.0)

    def scan(self) -> Iterator[Row]:
        """Every row of the space, a page of at most 1 MB at a time, in no order."""
        request: dict[str, Any] = {
            "FilterExpression": "#s = :s",
            "ExpressionAttributeNames": {"#s": "space"},
            "ExpressionAttributeValues": {":s": self.space.name},
        }
        return map(Row.read, scan_items(self.dynamodb, self.table_name, **request))

    def remove(self, row: Row) -> bool:
        """Delete a row, unless it tells of something else by now; returns whether it is gone."""
        table = self.dynamodb.Table(self.table_name)
        try:
            table.delete_item(
                Key={"object_id": row.object_id, "space": row.space},
                ConditionExpression="attribute_not_exists(etag) OR (etag = :e AND #s = :s AND updated = :u)",
                ExpressionAttributeNames={"#s": "status"},
                ExpressionAttributeValues={":e": row.etag, ":s": row.status, ":u": row.updated},
            )
        except table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def clear(self) -> int:
        """Delete all rows of the space; returns how many there were."""
        count = 0
        with self.dynamodb.Table(self.table_name).batch_writer() as batch:
            for row in self.scan():
                batch.delete_item(Key={"object_id": row.object_id, "space": row.space})
                count += 1
        return count

    def submitted(
        self,
        source: Source,
        recipe: Recipe,
        *,
        attempt: int,
        invocation_arns: Sequence[str],
        media_format: str,
        content_type: str,
        run: str = "",
        segment: int | None = None,
        note: str = "",
    ) -> None:
        """Note started jobs. What an earlier version has stored stays noted until it is replaced."""
        values = self._about(source, recipe) | {
            "status": Status.SUBMITTED,
            "attempt": attempt,
            "media_format": media_format,
            "content_type": content_type,
            "run": run or None,
            "segment": segment,
            "note": note or None,
            "reason": None,
            "message": None,
            **pack_arns(invocation_arns),
        }
        self._update(source, values)

    def reach(self, source: Source, embedding_type: str, extent: int) -> None:
        """Note, before it is done, that segments up to ``extent`` are being put; it only ever grows.

        Should the task die before it notes what it has stored, the next one knows what it may have left behind.
        """
        name = f"{REACHED}{embedding_type}"
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
        counts: Mapping[str, int] | None = None,
        reached: Iterable[str] = (),
        invocation_arn: str = "",
        failed_segments: int = 0,
        reason: Reason | None = None,
        message: str = "",
        disturbed: int | None = None,
    ) -> bool:
        """Note that the vectors are in all four indexes; partial when some of the segments failed.

        :param segments: embedding type -> how far they reach; ``counts``: how many they are.
        :param reached: the embedding types whose left-over segments were deleted.
        :param disturbed: as the row had it before the vectors were put.
        :returns: False when the row tells of another version by now, or was disturbed meanwhile; it then is as
            it was.
        """
        values: dict[str, Any] = {f"{REACHED}{name}": segments.get(name) for name in reached}
        values |= self._about(source, recipe)
        values |= {
            "status": Status.PARTIAL if failed_segments else Status.STORED,
            "segments": dict(segments),
            "counts": dict(segments if counts is None else counts),
            "failed_segments": failed_segments,
            "reason": reason,
            "message": message[:_MESSAGE_CHARACTERS] or None,
        }
        still = self._same_version(source, recipe)
        if invocation_arn:
            still["condition"] += " AND #e = :e"
            still["names"]["#e"] = "invocation_arn"
            still["values"][":e"] = invocation_arn
        if disturbed is not None:
            still["condition"] += " AND (#f = :f OR (attribute_not_exists(#f) AND :f = :g))"
            still["names"]["#f"] = "disturbed"
            still["values"] |= {":f": disturbed, ":g": 0}
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

    def reopen(self, source: Identified) -> bool:
        """Have a source stored once more from its own job, since other vectors were put over its own.

        One that is being stored at this moment will not be noted as stored either.
        """
        table = self.dynamodb.Table(self.table_name)
        try:
            table.update_item(
                Key={"object_id": source.object_id, "space": self.space.name},
                UpdateExpression="SET disturbed = if_not_exists(disturbed, :zero) + :one",
                ConditionExpression="attribute_exists(etag)",
                ExpressionAttributeValues={":zero": 0, ":one": 1},
            )
        except table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
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
        source: Identified,
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
