"""Indexes lost and rebuilt, and what happens meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from core.builders import make_run
from core.deployment import Deployment
from core.media import make_clip, make_image
from numpy.typing import NDArray

from nova_mme.migration.rebuild import Rebuild
from nova_mme.modality import Modality
from nova_mme.source import Source
from nova_mme.space import DIMENSIONS
from nova_mme.vector_index import VectorIndex

# About 2,000 characters: three segments of 800.
LONG = " ".join(f"Sentence {number} tells of cats, of coffee and of rain." for number in range(40)).encode()
RUN = make_run(segment_characters=800)

Snapshot = dict[str, tuple[NDArray[np.float32], dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Happening:
    """A moment of a rebuild: an event of one of its clients, such as ``after-call.s3vectors.PutVectors``."""

    client: str
    event: str

    @contextmanager
    def bring(self, deployment: Deployment, happen: Callable[[], Any]) -> Iterator[None]:
        """Let something happen the first time that it comes."""
        first = threading.Lock()  # several threads make calls at the same time

        def once(**_: Any) -> None:
            if first.acquire(blocking=False):
                happen()

        events = getattr(deployment, self.client).meta.events
        events.register(self.event, once)
        try:
            yield
        finally:
            events.unregister(self.event, once)
        assert first.locked(), f"{self.event} never came"


def rebuild(deployment: Deployment) -> Rebuild:
    """A rebuild of the deployment's space."""
    return Rebuild(deployment.settings, deployment.s3, deployment.store, deployment.ledger)


def lose(deployment: Deployment, *dimensions: int) -> None:
    """Delete indexes."""
    for dimension in dimensions:
        deployment.s3vectors.delete_index(vectorBucketName="vectors", indexName=deployment.index(dimension))


def take_snapshot(deployment: Deployment, dimension: int) -> Snapshot:
    """All of one index: key -> float32 vector, metadata."""
    pages = VectorIndex.of(deployment.store, dimension).pages(metadata=True, data=True)
    return {
        item["key"]: (np.float32(item["data"]["float32"]), item["metadata"])
        for page in pages
        for item in page
    }


def all_etags(deployment: Deployment) -> set[str]:
    """The versions that any vector of any index is of."""
    snapshots = (take_snapshot(deployment, dimension) for dimension in DIMENSIONS)
    return {metadata["etag"] for snapshot in snapshots for _, metadata in snapshot.values()}


def count_model_calls(deployment: Deployment) -> dict[str, int]:
    """Every call to Bedrock so far, answered or refused."""
    stats = deployment.aws.show_stats()
    told = stats["operations"] | {f"refused {name}": count for name, count in stats["errors"].items()}
    return {name: count for name, count in told.items() if "bedrock-runtime." in name}


def embed_three(deployment: Deployment) -> None:
    """A text of three segments, a picture, and a video with its sound apart: eight or so segments in all."""
    deployment.upload("long.txt", LONG)
    deployment.upload("a.png", make_image("png"))
    deployment.upload("a.mp4", make_clip("mp4", 2.4))
    video = {"segment_seconds": 1, "embedding_mode": "AUDIO_VIDEO_SEPARATE"}
    for run in (RUN, make_run(Modality.IMAGE), make_run(Modality.VIDEO, **video)):
        assert [outcome.status for outcome in deployment.embed(run)] == ["stored"]


def embed_long(deployment: Deployment) -> Source:
    """A text of three segments."""
    source = deployment.upload("a.txt", LONG)
    deployment.embed(RUN)
    return source


def remove(deployment: Deployment, source: Source) -> None:
    """Take a source away as a reconciliation does: its vectors, then its row."""
    deployment.s3.delete_object(Bucket="media", Key=source.location.key)
    row = deployment.row(source)
    deployment.store.delete(key for key in deployment.all_keys() if key.startswith(source.object_id))
    assert deployment.ledger.remove(row)
