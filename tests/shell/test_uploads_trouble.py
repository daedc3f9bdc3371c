"""NovaMMEUploadsTrigger when SQS refuses, hangs up or has no such queue: it goes on, with one client while it can."""

import pytest
import requests
from shell.upload_queue import Queue, make, notification, wait_for, watch

RECEIVE = "sqs.ReceiveMessage"


@pytest.fixture
def queue(account):
    """An empty queue."""
    return Queue(account.url)


@pytest.mark.parametrize(
    ("times", "fault"),
    [
        (6, {"operation": RECEIVE, "code": "ThrottlingException"}),
        (6, {"operation": RECEIVE, "drop_connection": True}),
        (2, {"operation": "sqs.GetQueueUrl", "code": "AccessDenied", "status": 403}),
    ],
    ids=["throttled", "dropped", "forbidden"],
)
def test_trouble_is_waited_out(account, queue, times, fault, capfd):
    """More refusals than the client tries again by itself: they are told, and then the upload is noticed."""
    account.set_faults({**fault, "times": times})
    queue.send(notification())

    events = watch(make(queue.name), lambda events: events and queue.is_empty())

    assert events == [1]
    assert f"Uploads are not noticed just now, in queue {queue.name}" in "".join(capfd.readouterr())


def test_a_queue_that_is_made_later_is_found(account):
    """A watcher outlives a deployment in the wrong order."""

    def make_queue():
        stats = f"{account.url}/_local/stats"
        wait_for(lambda: "sqs.GetQueueUrl" in requests.get(stats, timeout=10).json()["errors"])
        Queue(account.url, "late").send(notification())

    assert watch(make("late"), lambda events: events, meanwhile=make_queue) == [1]


def test_a_failed_deletion_does_no_harm(account, queue):
    """The event is out; the messages are deleted, or come again and wake once more."""
    account.set_faults({"operation": "sqs.DeleteMessageBatch", "code": "InternalFailure", "status": 500})
    queue.send(notification())
    assert watch(make(queue.name), lambda events: events) == [1]


def test_one_client_for_all_batches(account, queue):
    """The queue is looked up once, however many batches there are."""
    queue.send(notification())

    def send_another():
        wait_for(lambda: account.calls("sqs.DeleteMessageBatch") == 1)
        queue.send(notification())

    assert watch(make(queue.name), lambda events: len(events) == 2, meanwhile=send_another) == [1, 1]
    assert account.calls("sqs.GetQueueUrl") == 1
