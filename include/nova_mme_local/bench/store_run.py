"""One measured run of a store step against the sink, in a fresh process: `... store_run ours http://... 1900`.

Prints a JSON object: seconds, CPU seconds, and the peak of resident memory. What `ours` runs is the whole step;
only Bedrock and the ledger, which wait and cost nothing, are stood in for.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from nova_mme.ingest import Ingest
from nova_mme.modality import Modality
from nova_mme.row import Row, Status
from nova_mme.run import Run
from nova_mme.settings import Settings
from nova_mme.shard import Shard, Work
from nova_mme.source import Source
from nova_mme.space import DIMENSIONS
from nova_mme.store import VectorStore
from nova_mme_local.bench.sink import BUCKET, FILE_NAME

# Segments stored before anything is measured: botocore's first call of each kind builds its endpoint rules.
_WARM_UP = 10

_SOURCE = Source("s3://media/film.mp4", "etag", 1, 0)
_RUN = Run.read(Modality.VIDEO, {})
_SETTINGS = Settings("s3://media", f"s3://{BUCKET}", "vectors", "ledger")


class FinishedJob:
    """Bedrock's answer for a job whose output is a folder of the sink."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def get_async_invoke(self, *, invocationArn: str) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        """Say where the output is."""
        place = {"s3OutputDataConfig": {"s3Uri": f"s3://{BUCKET}/{self._folder}"}}
        now = datetime.now(UTC)
        return {
            "invocationArn": f"arn:aws:bedrock:::async-invoke/{self._folder}",
            "status": "Completed",
            "submitTime": now,
            "endTime": now,
            "outputDataConfig": place,
        }


class OneRow:
    """A ledger that knows one submitted source."""

    def __init__(self, folder: str) -> None:
        self._row = Row(
            _SOURCE.object_id,
            "bench",
            _SOURCE.uri,
            _SOURCE.etag,
            _RUN.recipe.fingerprint,
            Status.SUBMITTED,
            invocation_arns=(f"arn:aws:bedrock:::async-invoke/{folder}",),
            media_format="mp4",
            content_type="video/mp4",
        )

    def rows(self, sources: Iterable[Source]) -> Mapping[str, Row]:
        """The row."""
        return {source.object_id: self._row for source in sources}

    def reach(self, *_: Any) -> None:
        """Nothing is kept."""

    def stored(self, *_: Any, **__: Any) -> bool:
        """Nothing is kept."""
        return True


def store_ours(s3: Any, s3vectors: Any, segments: int) -> int:
    """The store step as a task runs it; returns how many segments it stored."""
    shard = Shard(0, _SETTINGS, _SETTINGS.space, _RUN, (Work(_SOURCE, 1, "new"),))
    folder = str(segments)
    store = VectorStore(s3vectors, "vectors", _SETTINGS.space)
    (outcome,) = Ingest(shard, s3, FinishedJob(folder), store, OneRow(folder)).run()
    return outcome.segments.get("VIDEO", 0)


def store_plainly(s3: Any, s3vectors: Any, segments: int) -> int:
    """What one writes with boto3 and its lists: as large batches as the service takes, and no more in memory."""
    body = s3.get_object(Bucket=BUCKET, Key=f"{segments}/{FILE_NAME}")["Body"]
    vectors: dict[int, list[dict[str, Any]]] = {dimension: [] for dimension in DIMENSIONS}
    stored = 0
    for line in body.iter_lines(chunk_size=1 << 16):
        record = json.loads(line)
        stored += 1
        for dimension, waiting in vectors.items():
            head = np.array(record["embedding"][:dimension])
            waiting.append(
                {
                    "key": f"film/VIDEO/{record['segmentMetadata']['segmentIndex']}",
                    "data": {"float32": (head / np.linalg.norm(head)).tolist()},
                    "metadata": {"modalityType": "video", **record["segmentMetadata"]},
                }
            )
            # 500 lists of 3072 numbers are 33 MiB of JSON; a call may have 20.
            if len(waiting) == (500 if dimension < max(DIMENSIONS) else 300):
                _put_lists(s3vectors, dimension, waiting)
    for dimension, waiting in vectors.items():
        _put_lists(s3vectors, dimension, waiting)
    return stored


def _put_lists(s3vectors: Any, dimension: int, waiting: list[dict[str, Any]]) -> None:
    if waiting:
        index = f"embeddings-{dimension}d"
        s3vectors.put_vectors(vectorBucketName="vectors", indexName=index, vectors=waiting)
        waiting.clear()


def main() -> int:
    """Run, and print what it took."""
    ways: dict[str, Callable[[Any, Any, int], int]] = {"ours": store_ours, "plain": store_plainly}
    parser = argparse.ArgumentParser(prog="store_run", description=__doc__)
    parser.add_argument("way", choices=ways)
    parser.add_argument("url")
    parser.add_argument("segments", type=int)
    asked = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # Linux: one core, whatever else the machine has
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    s3, s3vectors = _open(asked.url, "s3"), _open(asked.url, "s3vectors")
    ways[asked.way](s3, s3vectors, _WARM_UP)
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    stored = ways[asked.way](s3, s3vectors, asked.segments)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    if stored != asked.segments:
        raise RuntimeError(f"{stored} of {asked.segments} segments were stored.")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # getrusage(2): kilobytes on Linux, bytes on macOS.
    peak = after.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak}))
    return 0


def _open(url: str, service: str) -> Any:
    import boto3

    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
    return boto3.client(service, endpoint_url=url, **keys)


if __name__ == "__main__":
    sys.exit(main())
