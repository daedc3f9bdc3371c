"""The local stack's queues of uploads: which file reaches which, and that a restart loses none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local.clients import open_client

from nova_mme.modality import Modality
from nova_mme_local.server import LocalAws
from nova_mme_local.uploads import Uploads

BUCKET = "nova-mme-media"


def waiting(sqs: Any) -> dict[str, int]:
    """How many messages wait for each modality that has some."""
    found = {}
    for modality in Modality:
        url = sqs.get_queue_url(QueueName=f"nova-mme-uploads-{modality}")["QueueUrl"]
        name = "ApproximateNumberOfMessages"
        asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        found[str(modality)] = int(asked["Attributes"][name])
    return {modality: number for modality, number in found.items() if number}


@pytest.mark.parametrize(
    ("key", "modality"),
    [
        ("a.txt", "text"),
        ("some folder/ü b.JPG", "image"),
        ("x.y.Mp4", "video"),
        ("a.wav", "audio"),
        ("a.PDF", "document"),
        ("a.exe", None),
        ("txt", None),
    ],
)
def test_a_file_reaches_its_modality(
    local_aws: LocalAws, client: Callable[..., Any], key: str, modality: str | None
) -> None:
    """One message in one queue, by the extension in any case; none for other files."""
    Uploads(local_aws.url).connect()

    client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"x")

    assert waiting(client("sqs")) == ({modality: 1} if modality else {})


def test_connecting_again_changes_nothing(local_aws: LocalAws, client: Callable[..., Any]) -> None:
    """Every start of the stack does it: messages stay, and none is doubled."""
    uploads = Uploads(local_aws.url)
    uploads.connect()
    client("s3").put_object(Bucket=BUCKET, Key="a.txt", Body=b"x")

    uploads.connect()
    client("s3").put_object(Bucket=BUCKET, Key="b.txt", Body=b"x")

    assert waiting(client("sqs")) == {"text": 2}


def test_held_uploads_wake_nobody(local_aws: LocalAws, client: Callable[..., Any]) -> None:
    """What comes within the block is not told of; what comes after it is, though the block failed."""
    uploads = Uploads(local_aws.url)
    uploads.connect()

    with pytest.raises(ClientError), uploads.held():
        _put_then_fail(client("s3"))
    assert waiting(client("sqs")) == {}

    client("s3").put_object(Bucket=BUCKET, Key="b.txt", Body=b"x")
    assert waiting(client("sqs")) == {"text": 1}


def _put_then_fail(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="a.txt", Body=b"x")
    s3.get_object(Bucket=BUCKET, Key="not there")


def test_a_restart_loses_no_message_and_goes_on(tmp_path: Path) -> None:
    """Messages outlive local AWS; after the next start's connecting, new files are told of too."""
    with LocalAws(data=tmp_path) as aws:
        Uploads(aws.url).connect()
        open_client(aws, "s3").put_object(Bucket=BUCKET, Key="a.txt", Body=b"x")
    with LocalAws(data=tmp_path) as aws:
        Uploads(aws.url).connect()
        open_client(aws, "s3").put_object(Bucket=BUCKET, Key="b.txt", Body=b"x")

        assert waiting(open_client(aws, "sqs")) == {"text": 2}
