"""A folder of texts that goes through a fault, and the proof that nothing of it was lost or paid for twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import numpy as np
from e2e.faults import Airflow, TaskInstance

from nova_mme.matryoshka import truncate
from nova_mme.source import object_id
from nova_mme.space import DIMENSIONS

DAG_ID = "embed_text"
SPACE = "nova-2-mme-v1-0-local-features-1"
SEGMENT = 800
SEGMENTS = 3
GOOD = 4


@dataclass(frozen=True)
class Case:
    """A prefix with good texts of three segments each and an empty file: one shard.

    :ivar site: the tests' Deployment.
    :ivar struck: set as soon as what the case is about was done to its task.
    """

    site: Any
    prefix: str
    good: int = GOOD
    struck: Event = field(default_factory=Event, compare=False)

    def upload(self) -> Case:
        """Put its files into the bucket."""
        for number in range(self.good):
            words = f"The {self.prefix} number {number} tells of rain on the roof of an old house. "
            text = (words * 40)[: SEGMENTS * SEGMENT - SEGMENT // 2]
            self.site.put(f"{self.prefix}/{number}.txt", text.encode())
        self.site.put(f"{self.prefix}/empty.txt", b"")
        return self

    def start(self, **conf: Any) -> str:
        """Start a run over the prefix; returns its id."""
        return Airflow(self.site.stack).start(
            DAG_ID, {"prefix": f"{self.prefix}/", "segment_characters": SEGMENT, **conf}
        )

    def finish(self, run_id: str) -> str:
        """Wait for the run's end; returns its state."""
        return Airflow(self.site.stack).finish(DAG_ID, run_id)

    def task(self, run_id: str, step: str, shard: int = 0) -> TaskInstance:
        """The task of a step of one of its shards."""
        return TaskInstance(self.site.stack, DAG_ID, run_id, f"shard.{step}", shard)

    @property
    def sources(self) -> list[str]:
        """The URIs of the good ones."""
        return [f"s3://nova-mme-media/{self.prefix}/{number}.txt" for number in range(self.good)]

    @property
    def empty(self) -> str:
        """The URI of the bad one."""
        return f"s3://nova-mme-media/{self.prefix}/empty.txt"

    def rows(self) -> dict[str, dict[str, Any]]:
        """The ledger's rows by URI."""
        keys = [{"object_id": object_id(uri), "space": SPACE} for uri in [*self.sources, self.empty]]
        items = (self.site.ledger.get_item(Key=key, ConsistentRead=True).get("Item") for key in keys)
        return {item["uri"]: item for item in items if item}

    def count(self, status: str) -> int:
        """How many of the rows have this status."""
        return sum(row["status"] == status for row in self.rows().values())

    def count_vectors(self, dimension: int) -> int:
        """How many vectors of the prefix an index has."""
        pages = self.site.vectors.get_paginator("list_vectors").paginate(
            vectorBucketName="nova-mme-vectors", indexName=f"embeddings-{dimension}d"
        )
        places = {object_id(uri) for uri in self.sources}
        return sum(vector["key"].partition("/")[0] in places for page in pages for vector in page["vectors"])

    def jobs(self) -> dict[str, int]:
        """How many jobs Bedrock has ever started for each source."""
        pages = self.site.bedrock.get_paginator("list_async_invokes").paginate()
        folders = [
            job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"]
            for page in pages
            for job in page["asyncInvokeSummaries"]
        ]
        places = {uri: f"/{object_id(uri)}" for uri in [*self.sources, self.empty]}
        started = Counter(uri for folder in folders for uri, place in places.items() if place in folder)
        return dict(started)

    def delete_output(self, sources: Iterable[str]) -> None:
        """Delete what the sources' jobs have written."""
        for uri in sources:
            place = f"nova/invocations/{SPACE}/{object_id(uri)}/"
            found = self.site.s3.list_objects_v2(Bucket="nova-mme-output", Prefix=place)["Contents"]
            for item in found:
                self.site.s3.delete_object(Bucket="nova-mme-output", Key=item["Key"])

    def stored(self) -> dict[int, dict[str, dict[str, Any]]]:
        """The prefix's vectors, by index and key."""
        return {dimension: self.site.stored(dimension, self.prefix) for dimension in DIMENSIONS}

    def assert_whole(self, *, paid_twice: Iterable[str] = ()) -> None:
        """All in all four indexes, nothing besides, one job each (two for `paid_twice`), and one dead letter."""
        told = {uri: (row["status"], row.get("reason")) for uri, row in self.rows().items()}
        expected = dict.fromkeys(self.sources, ("stored", None)) | {self.empty: ("failed", "empty_file")}
        assert told == expected, f"the ledger says {told}"
        jobs = self.jobs()
        assert jobs == dict.fromkeys(self.sources, 1) | dict.fromkeys(paid_twice, 2), f"jobs: {jobs}"
        self._assert_stored()

    def _assert_stored(self) -> None:
        stored = self.stored()
        keys = {f"{object_id(uri)}/TEXT/{index}" for uri in self.sources for index in range(SEGMENTS)}
        wrong = {dimension: keys ^ set(vectors) for dimension, vectors in stored.items()}
        assert not any(wrong.values()), f"missing from or too much in the indexes: {wrong}"
        for dimension, vectors in stored.items():
            for key, vector in vectors.items():
                whole = np.array(stored[3072][key]["data"]["float32"])
                kept = np.array(vector["data"]["float32"])
                assert np.allclose(kept, truncate(whole[np.newaxis], dimension)[0], atol=1e-6), (
                    f"{dimension}: {key}"
                )
