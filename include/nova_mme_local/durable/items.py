"""DynamoDB items on disk: after every write, the rows of the items it touched are brought in line with moto."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from nova_mme_local.account import ACCOUNT
from nova_mme_local.database import Database
from nova_mme_local.protocols import read_call
from nova_mme_local.wire import Request

SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
    region TEXT, name TEXT, key BLOB, item BLOB, PRIMARY KEY (region, name, key)
);
"""
Touched = tuple[str, Mapping[str, Any]]  # a table, and an item or at least its key

# PartiQL statements do not tell their keys: all tables of the region are compared.
STATEMENTS = {"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"}


class Items:
    """A mirror of the items of all tables; stream records are not kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, operation: str, region: str, request: Request) -> None:
        """Write through what a call changed; the caller holds off other DynamoDB calls meanwhile."""
        if operation == "DeleteTable":
            self._drop_table(region, _name_table(read_call(request)["TableName"]))
        elif operation in STATEMENTS:
            self._keep_rows(region, list(self._list_differences(region)))
        else:
            touched = list(_find_touched(operation, read_call(request)))
            if touched:
                self._keep_rows(region, touched)

    def restore(self) -> None:
        """Give moto all items back, without stream records; its tables must exist."""
        rows = self._database.read("SELECT region, name, item FROM items ORDER BY region, name")
        for region, name, item in rows:
            _place_item(find_table(region, name), decode_item(orjson.loads(item)))

    def _keep_rows(self, region: str, touched: list[Touched]) -> None:
        with self._database.write() as connection:
            for name, attributes in touched:
                table = find_table(region, name)
                key = _encode_key(table, attributes)
                item = _find_item(table, attributes)
                if item is None:
                    connection.execute(
                        "DELETE FROM items WHERE region = ? AND name = ? AND key = ?", (region, name, key)
                    )
                else:
                    connection.execute(
                        "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?)", (region, name, key, encode(item))
                    )

    def _list_differences(self, region: str) -> Iterator[Touched]:
        kept = dict[tuple[str, bytes], bytes]()
        for name, key, item in self._database.read(
            "SELECT name, key, item FROM items WHERE region = ?", (region,)
        ):
            kept[name, key] = item
        for name, table in _tables(region).items():
            for item in table.all_items():
                attributes = item.to_json()["Attributes"]
                if kept.pop((name, _encode_key(table, attributes)), None) != encode(attributes):
                    yield name, attributes
        for (name, _), item in kept.items():
            yield name, orjson.loads(item)

    def _drop_table(self, region: str, name: str) -> None:
        with self._database.write() as connection:
            connection.execute("DELETE FROM items WHERE region = ? AND name = ?", (region, name))


def find_table(region: str, name: str) -> Any:
    """Return moto's table."""
    return _tables(region)[name]


def encode(value: Any) -> bytes:
    """Encode attributes as JSON, in one form for equal ones; binary values as DynamoDB's JSON has them."""
    return orjson.dumps(value, default=_encode_binary, option=orjson.OPT_SORT_KEYS)


def decode_item(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Turn decoded JSON back into attributes as moto holds them, binary values being bytes."""
    return {name: _decode_value(value) for name, value in attributes.items()}


def _decode_value(value: Mapping[str, Any]) -> dict[str, Any]:
    [(kind, content)] = value.items()
    if kind == "B":
        content = base64.b64decode(content)
    elif kind == "BS":
        content = [base64.b64decode(item) for item in content]
    elif kind == "M":
        content = decode_item(content)
    elif kind == "L":
        content = [_decode_value(item) for item in content]
    return {kind: content}


def _encode_binary(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)  # a number that moto has computed: a Decimal


def _find_touched(operation: str, params: Mapping[str, Any]) -> Iterator[Touched]:
    """Yield what a write names: PutItem, UpdateItem, DeleteItem and their batches and transactions."""
    if operation in ("PutItem", "UpdateItem", "DeleteItem"):
        yield _name_table(params["TableName"]), params.get("Item") or params["Key"]
    elif operation == "BatchWriteItem":
        for table, requests in params["RequestItems"].items():
            for request in requests:
                [change] = request.values()
                yield _name_table(table), change.get("Item") or change["Key"]
    elif operation == "TransactWriteItems":
        for entry in params["TransactItems"]:
            [(kind, change)] = entry.items()
            if kind != "ConditionCheck":
                yield _name_table(change["TableName"]), change.get("Item") or change["Key"]


def _name_table(name_or_arn: str) -> str:
    return name_or_arn.rpartition("/")[2]


def _tables(region: str) -> dict[str, Any]:
    from moto.dynamodb.models import dynamodb_backends

    tables: dict[str, Any] = dynamodb_backends[ACCOUNT][region].tables
    return tables


def _encode_key(table: Any, attributes: Mapping[str, Any]) -> bytes:
    return encode({name: attributes[name] for name in table.table_key_attrs})


def _typed_key(table: Any, attributes: Mapping[str, Any]) -> list[Any]:
    from moto.dynamodb.models.dynamo_type import DynamoType

    return [DynamoType(decode_item({name: attributes[name]})[name]) for name in table.table_key_attrs]


def _find_item(table: Any, attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    item = table.get_item(*_typed_key(table, attributes))
    return item.to_json()["Attributes"] if item else None


def _place_item(table: Any, attributes: dict[str, Any]) -> None:
    from moto.dynamodb.models.dynamo_type import DynamoType, Item

    hash_key, *range_key = [DynamoType(attributes[name]) for name in table.table_key_attrs]
    item = Item(hash_key, range_key[0] if range_key else None, attributes)
    if range_key:
        table.items[hash_key][range_key[0]] = item
    else:
        table.items[hash_key] = item
