"""The ledger's table, read from end to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def scan_items(dynamodb: Any, table_name: str, **request: Any) -> Iterator[dict[str, Any]]:
    """Every item of the table, a page of at most 1 MB at a time, in no order; of all spaces, and what else is there."""
    table = dynamodb.Table(table_name)
    request["ConsistentRead"] = True
    while True:
        answer = table.scan(**request)
        yield from answer["Items"]
        if not (last := answer.get("LastEvaluatedKey")):
            return
        request["ExclusiveStartKey"] = last
