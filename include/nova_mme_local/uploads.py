"""What tells the local stack of uploads, as deploy/infrastructure/template.yaml does in AWS: S3's events go through
rules of EventBridge, one for each modality's file names, into a queue of that modality."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nova_mme_local.airflow_settings import MEDIA_BUCKET, OUTPUT_BUCKET, REGION, UPLOADS_QUEUE

if TYPE_CHECKING:
    from nova_mme.modality import Modality


class Uploads:
    """The queues of local AWS at `aws_url`, and the switch that lets the media bucket's events into them."""

    def __init__(self, aws_url: str) -> None:
        import boto3  # not for those who only import the stack

        def open_client(service: str) -> Any:
            return boto3.client(
                service,
                endpoint_url=aws_url,
                region_name=REGION,
                aws_access_key_id="local",
                aws_secret_access_key="local",
            )

        self._s3, self._sqs, self._events = map(open_client, ("s3", "sqs", "events"))

    def connect(self) -> None:
        """Make the buckets, the queues and the rules; what is there already stays as it is.

        Local AWS keeps buckets and queues for its next start, but no rules.
        """
        from nova_mme.modality import Modality

        there = {bucket["Name"] for bucket in self._s3.list_buckets()["Buckets"]}
        for bucket in {MEDIA_BUCKET, OUTPUT_BUCKET} - there:
            self._s3.create_bucket(Bucket=bucket)
        for modality in Modality:
            self._connect_queue(modality)
        self._announce(True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no upload within the block wake a DAG: for someone who runs the DAGs on them."""
        self._announce(False)
        try:
            yield
        finally:
            self._announce(True)

    def _connect_queue(self, modality: Modality) -> None:
        name = UPLOADS_QUEUE.format(modality=modality)
        url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        asked = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        self._events.put_rule(Name=name, EventPattern=json.dumps(match_uploads(modality)))
        self._events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": asked["Attributes"]["QueueArn"]}])

    def _announce(self, on: bool) -> None:
        to: dict[str, Any] = {"EventBridgeConfiguration": {}} if on else {}
        self._s3.put_bucket_notification_configuration(Bucket=MEDIA_BUCKET, NotificationConfiguration=to)


def match_uploads(modality: Modality) -> dict[str, Any]:
    """Return EventBridge's pattern for a modality's new objects, by the extension in any case."""
    suffixes = [{"suffix": {"equals-ignore-case": f".{suffix}"}} for suffix in modality.suffixes]
    return {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [MEDIA_BUCKET]}, "object": {"key": suffixes}},
    }
