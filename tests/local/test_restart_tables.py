"""DynamoDB tables and items, SQS queues and messages are there after a restart, as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from local.clients import create_table, running


def scan(dynamodb: Any, name: str = "table") -> list[dict]:
    return sorted(dynamodb.scan(TableName=name)["Items"], key=str)


ITEM = {
    "k": {"S": "ü"},
    "n": {"N": "12345678901234567890.5"},
    "b": {"B": b"\x00\xff"},
    "ss": {"SS": ["a", "b"]},
    "bs": {"BS": [b"\x01"]},
    "l": {"L": [{"S": "x"}, {"M": {"deep": {"B": b"\x02"}}}]},
    "m": {"M": {"flag": {"BOOL": False}, "none": {"NULL": True}, "raw": {"B": b"\x03"}}},
}


def test_items_of_all_types_come_back(tmp_path):
    """Numbers with all their digits, binary values at any depth, sets, lists and maps."""
    with running(tmp_path) as client:
        dynamodb = client("dynamodb")
        create_table(dynamodb)
        dynamodb.put_item(TableName="table", Item=ITEM)
        before = dynamodb.describe_table(TableName="table")["Table"]
    with running(tmp_path) as client:
        dynamodb = client("dynamodb")
        assert dynamodb.get_item(TableName="table", Key={"k": {"S": "ü"}})["Item"] == ITEM
        after = dynamodb.describe_table(TableName="table")["Table"]
        assert after["CreationDateTime"] == before["CreationDateTime"]
        assert after["ItemCount"] == 1
        values = {":deep": {"B": b"\x03"}, ":flat": {"B": b"\x00\xff"}}
        found = dynamodb.scan(
            TableName="table",
            FilterExpression="m.#raw = :deep and b = :flat",
            ExpressionAttributeNames={"#raw": "raw"},
            ExpressionAttributeValues=values,
        )
        assert found["Count"] == 1


def test_every_way_to_write_is_kept(tmp_path):
    """Put, update (with conditions, met and not), delete, batches and transactions."""
    with running(tmp_path) as client:
        dynamodb = client("dynamodb")
        create_table(dynamodb, sort=True)
        key = {"k": {"S": "update"}, "s": {"S": "1"}}
        add = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
        for _ in range(3):
            dynamodb.update_item(TableName="table", Key=key, **add)
        with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
            dynamodb.update_item(
                TableName="table", Key=key, ConditionExpression="attribute_not_exists(k)", **add
            )
        batch = [{"PutRequest": {"Item": {"k": {"S": "batch"}, "s": {"S": str(n)}}}} for n in range(4)]
        dynamodb.batch_write_item(RequestItems={"table": batch})
        gone = {"k": {"S": "batch"}, "s": {"S": "0"}}
        dynamodb.batch_write_item(RequestItems={"table": [{"DeleteRequest": {"Key": gone}}]})
        dynamodb.delete_item(TableName="table", Key={**gone, "s": {"S": "1"}})
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "table", "Item": {"k": {"S": "transact"}, "s": {"S": "1"}}}},
                {"Update": {"TableName": "table", "Key": key, **add}},
                {"Delete": {"TableName": "table", "Key": {**gone, "s": {"S": "2"}}}},
            ]
        )
        before = scan(dynamodb)
    assert [item["k"]["S"] for item in before] == ["batch", "transact", "update"]
    with running(tmp_path) as client:
        assert scan(client("dynamodb")) == before


def test_statements_are_kept(tmp_path):
    """PartiQL does not name its keys; what it inserts, changes and deletes is kept all the same."""
    with running(tmp_path) as client:
        dynamodb = client("dynamodb")
        create_table(dynamodb)
        for key in ("same", "changed", "deleted"):
            dynamodb.put_item(TableName="table", Item={"k": {"S": key}, "n": {"N": "1"}})
        for statement in (
            "INSERT INTO \"table\" VALUE {'k': 'inserted', 'n': 1}",
            "UPDATE \"table\" SET n = 'two' WHERE k = 'changed'",
            "DELETE FROM \"table\" WHERE k = 'deleted'",
        ):
            dynamodb.execute_statement(Statement=statement)
        before = scan(dynamodb)
    with running(tmp_path) as client:
        assert scan(client("dynamodb")) == before
        found = {item["k"]["S"]: item["n"] for item in before}
        assert found == {"same": {"N": "1"}, "changed": {"S": "two"}, "inserted": {"N": "1"}}


def test_tables_keep_their_indexes_and_settings(tmp_path):
    """A secondary index added later answers queries; time to live is still on; a deleted table is gone."""
    index = {
        "IndexName": "by-status",
        "KeySchema": [{"AttributeName": "status", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    with running(tmp_path) as client:
        dynamodb = client("dynamodb")
        for name in ("table", "gone"):
            create_table(dynamodb, name)
            dynamodb.put_item(TableName=name, Item={"k": {"S": "1"}, "status": {"S": "stored"}})
        dynamodb.update_table(
            TableName="table",
            AttributeDefinitions=[{"AttributeName": "status", "AttributeType": "S"}],
            GlobalSecondaryIndexUpdates=[{"Create": index}],
        )
        dynamodb.update_time_to_live(
            TableName="table", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"}
        )
        dynamodb.delete_table(TableName="gone")
        create_table(dynamodb, "gone")
    with running(tmp_path) as client:
        dynamodb = client("dynamodb")
        found = dynamodb.query(
            TableName="table",
            IndexName="by-status",
            KeyConditionExpression="#s = :s",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={":s": {"S": "stored"}},
        )
        assert [item["k"]["S"] for item in found["Items"]] == ["1"]
        ttl = dynamodb.describe_time_to_live(TableName="table")["TimeToLiveDescription"]
        assert ttl["AttributeName"] == "until"
        assert scan(dynamodb, "gone") == []


# --- SQS ---------------------------------------------------------------------------------------------


def test_queues_messages_and_notifications_come_back(tmp_path):
    """A queue keeps its settings and messages, a bucket its notifications; the restart itself sends none."""
    with running(tmp_path) as client:
        s3, sqs = client("s3"), client("sqs")
        s3.create_bucket(Bucket="bucket")
        url = sqs.create_queue(QueueName="events", Attributes={"VisibilityTimeout": "77"})["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0", "VisibilityTimeout": "99"})
        queue = {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:events", "Events": ["s3:ObjectCreated:*"]}
        s3.put_bucket_notification_configuration(
            Bucket="bucket", NotificationConfiguration={"QueueConfigurations": [queue]}
        )
        sqs.purge_queue(QueueUrl=url)  # S3 sends a test event when notifications are set
        s3.put_object(Bucket="bucket", Key="before", Body=b"x")
        sqs.send_message(
            QueueUrl=url,
            MessageBody="plain",
            MessageAttributes={"raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}},
        )
        done = sqs.send_message(QueueUrl=url, MessageBody="done")
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        [handle] = [m["ReceiptHandle"] for m in messages if m["MessageId"] == done["MessageId"]]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    with running(tmp_path) as client:
        s3, sqs = client("s3"), client("sqs")
        url = sqs.get_queue_url(QueueName="events")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert attributes["VisibilityTimeout"] == "99"
        assert attributes["ApproximateNumberOfMessages"] == "2"
        event, plain = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )["Messages"]
        assert json.loads(event["Body"])["Records"][0]["s3"]["object"]["key"] == "before"
        assert plain["Body"] == "plain"
        assert plain["MessageAttributes"]["raw"]["BinaryValue"] == b"\x00\xff"
        s3.put_object(Bucket="bucket", Key="after", Body=b"x")
        [new] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        assert json.loads(new["Body"])["Records"][0]["s3"]["object"]["key"] == "after"


def test_a_deleted_queue_stays_deleted(tmp_path):
    """Its messages go with it; one made again under the name starts empty."""
    with running(tmp_path) as client:
        sqs = client("sqs")
        for name in ("queue", "gone"):
            url = sqs.create_queue(QueueName=name)["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody="x")
            sqs.delete_queue(QueueUrl=url)
        sqs.create_queue(QueueName="queue")
    with running(tmp_path) as client:
        sqs = client("sqs")
        [url] = sqs.list_queues()["QueueUrls"]
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
