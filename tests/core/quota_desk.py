"""What the tests of the job quota share: time that a test moves, requests, and who holds a slot."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from core.builders import make_settings
from core.deployment import Deployment

from nova_mme.job_quota import KEY, JobQuota
from nova_mme.modality import Modality
from nova_mme.nova import request_token, segmented_request

LONG, SHORT = "long.txt", "short.txt"
LIST = "bedrock-runtime.ListAsyncInvokes"


@dataclass
class Time:
    """A clock that only a test, or a pause, moves; epoch seconds."""

    now: float = field(default_factory=time.time)
    pauses: list[float] = field(default_factory=list)

    def clock(self) -> float:
        """What time.time would say."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """What time.sleep would do, at once."""
        self.pauses.append(seconds)
        self.now += seconds


def token_of(name: str) -> str:
    """A request token: one job's for ever."""
    return request_token(name)


def request_of(name: str, key: str = SHORT) -> dict[str, Any]:
    """The request of the job called ``name``, for one of the two texts."""
    return {
        "modelId": make_settings().model_id,
        "modelInput": segmented_request(f"s3://media/{key}", Modality.TEXT),
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://output/nova"}},
        "clientRequestToken": token_of(name),
    }


@dataclass
class Desk:
    """A deployment of which the table, the buckets and two texts are there; the job of ``long.txt`` does not end."""

    deployment: Deployment
    time: Time = field(default_factory=Time)

    def __post_init__(self) -> None:
        self.deployment.create_buckets()
        self.deployment.ledger.ensure()
        for key in (LONG, SHORT):
            self.deployment.upload(key, b"Few words.")
        self.put_faults()

    def put_faults(self, *faults: dict[str, Any]) -> None:
        """Put these faults in force, beside the one that makes long jobs long."""
        self.deployment.put_faults({"job": LONG, "delay_seconds": 600}, *faults)

    def quota(self, limit: int) -> JobQuota:
        """A quota on the test's time."""
        return JobQuota(self.deployment.dynamodb, "ledger", limit, self.time.clock)

    def ready_quota(self, limit: int) -> JobQuota:
        """A quota that has looked at Bedrock's list already."""
        quota = self.quota(limit)
        assert quota.reap(self.deployment.bedrock)
        return quota

    def start(self, name: str, key: str = SHORT) -> str:
        """Start a job past all quotas, as another application would; a short one has ended when this returns."""
        arn: str = self.deployment.bedrock.start_async_invoke(**request_of(name, key))["invocationArn"]
        if key == SHORT:
            self.deployment.wait([arn])
        return arn

    def start_without_token(self) -> None:
        """Start a long job as a program would that does not use an AWS SDK: those fill a token in."""
        events, name = self.deployment.bedrock.meta.events, "before-call.bedrock-runtime.StartAsyncInvoke"

        def strip(params: dict[str, Any], **_: Any) -> None:
            body = json.loads(params["body"])
            del body["clientRequestToken"]
            params["body"] = json.dumps(body).encode()

        events.register(name, strip)
        self.start("nobody", LONG)
        events.unregister(name, strip)

    def look(self, quota: JobQuota, *, after: float) -> None:
        """Let time pass, and have the slots of finished jobs given back."""
        self.time.now += after
        assert quota.reap(self.deployment.bedrock)

    def item(self) -> dict[str, Any]:
        """The quota's item."""
        return self.deployment.dynamodb.Table("ledger").get_item(Key=KEY)["Item"]

    def holders(self, names: Iterable[str]) -> list[str]:
        """Which of the jobs hold a slot, in their order; nobody else may."""
        held = self.item()["holders"].keys()
        found = [name for name in names if token_of(name)[:16] in held]
        assert len(found) == len(held)
        return found
