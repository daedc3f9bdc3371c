"""NovaMMEUploadsTrigger against a queue over HTTP: when it wakes a DAG, and what becomes of the messages."""

import asyncio
import json
import random
import time
from contextlib import suppress

import boto3
import pytest
from shell.upload_queue import Queue, make, notification, wait_for, watch

from nova_mme_airflow import upload_trigger
from nova_mme_airflow.upload_trigger import NovaMMEUploadsTrigger, count_uploads


@pytest.fixture
def queue(account):
    """An empty queue."""
    return Queue(account.url)


def test_serialises_everything():
    """The triggerer builds the same trigger, and equal arguments are one watcher."""
    arguments = {
        "queue": "mine",
        "aws_conn_id": "mine",
        "region_name": "eu-west-1",
        "quiet_seconds": 2,
        "gather_seconds": 3.0,
        "settle_seconds": 4.0,
    }
    path, kwargs = NovaMMEUploadsTrigger(**arguments).serialize()
    assert kwargs == arguments
    again = json.loads(json.dumps(kwargs))
    assert NovaMMEUploadsTrigger.hash(path, again) == NovaMMEUploadsTrigger.hash(path, kwargs)


def connect_notifications(account, queue):
    """S3 straight to the queue; it sends a test event first."""
    account.s3.put_bucket_notification_configuration(
        Bucket="media",
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )


def connect_rule(account, queue):
    """S3 through EventBridge."""
    events = boto3.client("events", endpoint_url=account.url)
    events.put_rule(Name="uploads", EventPattern=json.dumps({"source": ["aws.s3"]}))
    events.put_targets(Rule="uploads", Targets=[{"Id": "queue", "Arn": queue.arn}])
    account.s3.put_bucket_notification_configuration(
        Bucket="media", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


@pytest.mark.parametrize("connect", [connect_notifications, connect_rule])
@pytest.mark.parametrize("by", ["name", "url"])
def test_an_upload_wakes_once(account, queue, connect, by):
    """One object, one event with the number 1, and then nothing is left in the queue."""
    connect(account, queue)

    events = watch(
        make(getattr(queue, by)),
        lambda events: events and queue.is_empty(),
        meanwhile=lambda: account.upload("some folder/ü.txt", b"Rain."),
    )

    assert events == [1]


def test_two_hundred_uploads_are_one_or_two_events(account, queue):
    """Whatever comes while the trigger gathers is one event; each message is deleted."""
    connect_notifications(account, queue)

    def upload():
        for number in range(200):
            account.upload(f"many/{number}.txt", b"Rain.")

    events = watch(make(queue.name), lambda events: sum(events) == 200 and queue.is_empty(), meanwhile=upload)

    assert len(events) <= 2


def test_doubled_and_reordered_messages_are_one_event(queue):
    """SQS delivers at least once and in any order."""
    bodies = [notification(f"{number}.txt") for number in range(12)] * 2
    random.Random(1).shuffle(bodies)
    queue.send(*bodies)

    events = watch(make(queue.name), lambda events: events and queue.is_empty())

    assert events == [24]


BAD = [
    json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "media"}),
    notification(event="ObjectRemoved:Delete"),
    json.dumps({"source": "aws.s3", "detail-type": "Object Deleted"}),
    json.dumps({"Records": "none"}),
    json.dumps({"Records": [None, 1, {"eventSource": "aws:s3"}]}),
    json.dumps({"Type": "Notification", "Message": None}),
    "null",
    "not JSON",
    "[" * 50_000,
]


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
def test_what_tells_of_no_upload_counts_nothing(body):
    """Test events, deletions and nonsense are no reason to wake."""
    assert count_uploads(body) == 0


@pytest.mark.parametrize(
    ("body", "uploads"),
    [
        (notification(event="ObjectCreated:CompleteMultipartUpload"), 1),
        (json.dumps({"Records": json.loads(notification())["Records"] * 3}), 3),
        (json.dumps({"Type": "Notification", "Message": notification()}), 1),
        (json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": {}}), 1),
    ],
)
def test_every_form_of_s3s_events_is_read(body, uploads):
    """From S3, through SNS, and through EventBridge."""
    assert count_uploads(body) == uploads


def test_bad_messages_are_dropped_and_wake_nobody(queue):
    """They leave the queue; a good one that comes after them is noticed."""
    queue.send(*BAD)

    def send_a_good_one():
        wait_for(queue.is_empty)
        queue.send(notification())

    events = watch(make(queue.name), lambda events: events and queue.is_empty(), meanwhile=send_a_good_one)

    assert events == [1]


def test_messages_are_kept_until_the_event_was_taken(queue, monkeypatch):
    """A triggerer that dies with the event in its hands leaves the messages to the next one."""
    monkeypatch.setattr(upload_trigger, "_HIDDEN_LONGER", 1)
    queue.send(notification("a.txt"), notification("b.txt"))

    async def die():
        events = make(queue.name, gather_seconds=1.0, settle_seconds=30.0).run()
        event = await anext(events)
        going_on = asyncio.ensure_future(anext(events))  # Airflow asks for the next one at once
        await asyncio.sleep(0.5)
        kept = await asyncio.to_thread(lambda: sum(queue.counts))
        going_on.cancel()
        with suppress(asyncio.CancelledError):
            await going_on
        await events.aclose()
        return event.payload["uploads"], kept

    assert asyncio.run(die()) == (2, 2)
    assert sum(watch(make(queue.name), lambda events: sum(events) >= 2 and queue.is_empty())) == 2


def test_a_long_upload_wakes_ever_more_seldom(account, queue):
    """Messages every tenth of a second for eight seconds: gathered for 1, 2, 4 and 8 seconds, not 1 each."""

    def trickle():
        wait_for(lambda: account.calls("sqs.GetQueueUrl"))
        end, number = time.monotonic() + 8, 0
        while time.monotonic() < end:
            queue.send(notification(f"{number}.txt"))
            number += 1
            time.sleep(0.1)

    trigger = make(queue.name, gather_seconds=1.0, quiet_seconds=3)
    events = watch(trigger, lambda events: queue.is_empty(), meanwhile=trickle)

    assert 2 <= len(events) <= 5


def test_a_batch_is_bounded(queue, monkeypatch):
    """However many messages wait, no more than some are held at a time, and all are dealt with."""
    monkeypatch.setattr(upload_trigger, "_MOST_RECEIPTS", 20)
    queue.send(*(notification(f"{number}.txt") for number in range(70)))

    events = watch(make(queue.name), lambda events: sum(events) == 70 and queue.is_empty())

    assert max(events) <= 29
