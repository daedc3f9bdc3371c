"""A queue of uploads in local AWS, and a trigger that watches it, for the tests of both."""

import asyncio
import json
import time
from contextlib import suppress

import boto3

from nova_mme_airflow.upload_trigger import NovaMMEUploadsTrigger

QUICK = {"quiet_seconds": 1, "gather_seconds": 10.0, "settle_seconds": 0.1}


class Queue:
    """A queue of local AWS, and what a test does to it."""

    def __init__(self, url, name="uploads-text"):
        self.client = boto3.client("sqs", endpoint_url=url)
        self.name = name
        self.url = self.client.create_queue(QueueName=name)["QueueUrl"]

    def send(self, *bodies):
        """Send messages, ten at a time."""
        for start in range(0, len(bodies), 10):
            entries = [
                {"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])
            ]
            self.client.send_message_batch(QueueUrl=self.url, Entries=entries)

    @property
    def counts(self):
        """(waiting, in flight)."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return tuple(int(found[name]) for name in names)

    def is_empty(self):
        """Whether nothing waits and nothing is in flight."""
        return self.counts == (0, 0)

    @property
    def arn(self):
        """The queue's ARN."""
        asked = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        return asked["Attributes"]["QueueArn"]


def notification(key="a.txt", event="ObjectCreated:Put", **more):
    """An S3 notification of one record, as S3 sends it to a queue."""
    record = {"eventSource": "aws:s3", "eventName": event, "s3": {"object": {"key": key}}, **more}
    return json.dumps({"Records": [record]})


def make(queue, **arguments):
    """The trigger, out of its serialised form."""
    path, kwargs = NovaMMEUploadsTrigger(queue=queue, **(QUICK | arguments)).serialize()
    assert path == "nova_mme_airflow.upload_trigger.NovaMMEUploadsTrigger"
    return NovaMMEUploadsTrigger(**kwargs)


def watch(trigger, until, *, meanwhile=lambda: None, seconds=40):
    """Run the trigger until a condition on its events holds; returns their numbers of uploads."""
    uploads = []

    async def collect():
        async for event in trigger.run():
            uploads.append(event.payload["uploads"])
            assert event.payload.keys() == {"uploads"}

    async def main():
        task = asyncio.create_task(collect())
        await asyncio.to_thread(meanwhile)
        deadline = time.monotonic() + seconds
        while not await asyncio.to_thread(until, uploads):
            assert not task.done(), "a watcher must not end"
            assert time.monotonic() < deadline, f"not in {seconds} s; events: {uploads}"
            await asyncio.sleep(0.05)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())
    return uploads


def wait_for(condition, seconds=30):
    """Return when the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds} s"
