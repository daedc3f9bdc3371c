"""How the tests of local Bedrock talk to it: bodies of requests, and a job from its start to its output."""

from __future__ import annotations

import base64
import functools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from local.conftest import open_client
from numpy.typing import NDArray

from nova_mme_local.server import LocalAws

NOVA = "amazon.nova-2-multimodal-embeddings-v1:0"
NOVA_NEXT = "amazon.nova-2-multimodal-embeddings-local-v2:0"
TITAN = "amazon.titan-embed-text-v2:0"
BUCKET = "media"
OUTPUT = "s3://media/output"
FORMATS = {"jpg": "jpeg", "txt": "", "md": ""}
MODALITIES = {"wav": "audio", "mp3": "audio", "ogg": "audio", "mp4": "video", "webm": "video", "txt": "text"}


def single(dimension: int = 3072, **item: Any) -> dict[str, Any]:
    """Build the body of a SINGLE_EMBEDDING request."""
    params = {"embeddingPurpose": "GENERIC_RETRIEVAL", "embeddingDimension": dimension, **item}
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}


def inline(content: bytes, media_format: str, **more: Any) -> dict[str, Any]:
    """Build an item of content that is sent along."""
    return {"format": media_format, "source": {"bytes": base64.b64encode(content).decode()}, **more}


def segmented(key: str, *, dimension: int = 256, **more: Any) -> dict[str, Any]:
    """Build the modelInput of a job on an object of the test's bucket; `more` goes into the modality's member."""
    suffix = key.rsplit(".", 1)[-1]
    modality = MODALITIES.get(suffix, "image")
    item: dict[str, Any] = {"source": {"s3Location": {"uri": f"s3://{BUCKET}/{key}"}}}
    if modality == "text":
        item["truncationMode"] = "END"
    else:
        item["format"] = FORMATS.get(suffix, suffix)
    if modality == "video":
        item["embeddingMode"] = "AUDIO_VIDEO_COMBINED"
    if modality != "image":
        item["segmentationConfig"] = {}
    params = {
        "embeddingPurpose": "GENERIC_INDEX",
        "embeddingDimension": dimension,
        modality: {**item, **more},
    }
    return {"taskType": "SEGMENTED_EMBEDDING", "segmentedEmbeddingParams": params}


def invoke(bedrock: Any, body: Mapping[str, Any], *, model: str = NOVA) -> dict[str, Any]:
    """Call InvokeModel and return its decoded answer."""
    answer = bedrock.invoke_model(modelId=model, body=json.dumps(body))
    return json.loads(answer["body"].read())  # type: ignore[no-any-return]


def embed(bedrock: Any, dimension: int = 3072, *, model: str = NOVA, **item: Any) -> NDArray[np.float64]:
    """Return the first embedding of one item as an array."""
    return np.array(invoke(bedrock, single(dimension, **item), model=model)["embeddings"][0]["embedding"])


def text_item(text: str) -> dict[str, str]:
    """Build a text item."""
    return {"truncationMode": "END", "value": text}


@dataclass(frozen=True)
class Desk:
    """The clients of one local AWS, with a bucket in it."""

    bedrock: Any
    s3: Any
    connect: Callable[..., Any]  # opens another client: connect("bedrock-runtime", region="us-west-2")

    def upload(self, key: str, body: bytes | str) -> None:
        """Put an object into the test's bucket."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def start(self, key: str, *, token: str | None = None, model: str = NOVA, **more: Any) -> str:
        """Start a job and return its ARN; `more` as for `segmented`."""
        extra = {"clientRequestToken": token} if token else {}
        answer = self.bedrock.start_async_invoke(
            modelId=model,
            modelInput=segmented(key, **more),
            outputDataConfig={"s3OutputDataConfig": {"s3Uri": OUTPUT}},
            **extra,
        )
        return answer["invocationArn"]  # type: ignore[no-any-return]

    def wait(self, arn: str, *, seconds: float = 20) -> dict[str, Any]:
        """Poll a job until it is over; AssertionError when that takes too long."""
        return poll(
            lambda: self.bedrock.get_async_invoke(invocationArn=arn),
            lambda job: job["status"] != "InProgress",
            seconds=seconds,
        )

    def run(self, key: str, body: bytes | str, **more: Any) -> dict[str, Any]:
        """Upload, start, wait: return the finished job."""
        self.upload(key, body)
        return self.wait(self.start(key, **more))

    def read(self, uri: str) -> bytes:
        """Read an object by its uri."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()  # type: ignore[no-any-return]

    def summary(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Read the summary of a finished job."""
        folder = job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"]
        return json.loads(self.read(f"{folder}/segmented-embedding-result.json"))  # type: ignore[no-any-return]

    def lines(self, job: Mapping[str, Any], kind: str | None = None) -> list[dict[str, Any]]:
        """Read the lines of a finished job: of one embedding type, or of its only one."""
        results = self.summary(job)["embeddingResults"]
        uri = next(one["outputFileUri"] for one in results if kind in (None, one["embeddingType"]))
        return [json.loads(line) for line in self.read(uri).splitlines()]


def open_desk(aws: LocalAws | SimpleNamespace) -> Desk:
    """Open clients of a running local AWS (or of anything with its `url`) and create the bucket."""
    connect = functools.partial(open_client, aws)
    desk = Desk(connect("bedrock-runtime"), connect("s3"), connect)
    desk.s3.create_bucket(Bucket=BUCKET)
    return desk


def poll(look: Callable[[], Any], done: Callable[[Any], bool], *, seconds: float = 20) -> Any:
    """Look again and again until `done`; return what was seen last."""
    deadline = time.monotonic() + seconds
    while not done(seen := look()):
        assert time.monotonic() < deadline, f"still not there after {seconds} s: {seen}"
        time.sleep(0.01)
    return seen
