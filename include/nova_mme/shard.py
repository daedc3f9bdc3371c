"""A bounded group of sources that goes through one set of tasks, kept as a manifest in S3.

Tasks pass each other only a small handle; the manifest carries the run's settings and parameters too, so a
task that is retried or cleared next week does what this run was asked to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson

from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.run import Run
from nova_mme.settings import Settings
from nova_mme.source import S3Uri, Source
from nova_mme.space import Space

# A shard has at least SHARD_MIN sources (a task costs a second or two of Airflow's time) and at most
# SHARD_MAX; in between, a run is cut into about SHARDS_AIMED_AT shards of three tasks each.
SHARD_MIN = 10
SHARD_MAX = 50
SHARDS_AIMED_AT = 32


@dataclass(frozen=True, slots=True)
class Work:
    """One source that is due.

    :ivar attempt: part of the request token: the same attempt is never paid for twice.
    :ivar why: new, changed, stale recipe, ... as the report counts it.
    :ivar seen: the version that the ledger's row told of when this was planned; empty when there was none.
    :ivar invocation_arns: the jobs of an earlier run that were started and not stored: they are adopted.
    """

    source: Source
    attempt: int
    why: str
    invocation_arns: tuple[str, ...] = ()
    seen: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Shard:
    """The sources of one set of tasks, with what the run was asked to do.

    :ivar space: the space that they are embedded into.
    :ivar campaign: what pays for the jobs, and is told how far they are; empty for live runs.
    :ivar dag_run: "<DAG id>/<run id>", noted in the ledger with the jobs that it starts.
    """

    number: int
    settings: Settings
    space: Space
    run: Run
    works: tuple[Work, ...]
    dag_run: str = ""
    campaign: str = ""

    def write(self, s3: Any, folder: S3Uri) -> dict[str, Any]:
        """Keep the manifest below ``folder``; returns the handle: ``{"number", "manifest", "sources"}``."""
        place = folder.join(f"shard-{self.number:04d}.json")
        s3.put_object(
            Bucket=place.bucket,
            Key=place.key,
            Body=orjson.dumps(asdict(self)),
            ContentType="application/json",
        )
        return {"number": self.number, "manifest": str(place), "sources": len(self.works)}

    @classmethod
    def read(cls, s3: Any, manifest: str) -> Shard:
        """The shard behind a handle's ``manifest``."""
        place = S3Uri.parse(manifest)
        document = orjson.loads(s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read())
        recipe = document["run"].pop("recipe")
        recipe["modality"] = Modality(recipe["modality"])
        works = map(_read_work, document["works"])
        settings, space = Settings(**document["settings"]), document.get("space")
        return cls(
            document["number"],
            settings,
            Space(**space)
            if space
            else settings.space,  # a run that an earlier version of this project planned
            Run(Recipe(**recipe), **document["run"]),
            tuple(works),
            document.get("dag_run", ""),
            document.get("campaign", ""),
        )


def _read_work(item: dict[str, Any]) -> Work:
    return Work(Source(**item.pop("source")), invocation_arns=tuple(item.pop("invocation_arns")), **item)


def write_shards(
    s3: Any, folder: S3Uri, works: Sequence[Work], *, like: Shard, size: int | None = None
) -> list[dict[str, Any]]:
    """Cut works into shards and keep their manifests; returns their handles.

    :param like: what they have in common; its number is the first one's.
    :param size: sources a shard; by default what suits so many works.
    """
    size = size or shard_size(len(works))
    starts = range(0, len(works), size)
    shards = (
        replace(like, number=like.number + number, works=tuple(works[start : start + size]))
        for number, start in enumerate(starts)
    )
    return [shard.write(s3, folder) for shard in shards]


def shard_size(count: int) -> int:
    """How many sources a shard takes when so many are due."""
    return max(SHARD_MIN, min(SHARD_MAX, -(-count // SHARDS_AIMED_AT)))


def run_folder(output_uri: str, dag_id: str, run_id: str) -> S3Uri:
    """Where a run keeps its manifests, results and report."""
    return S3Uri.parse(output_uri).join("runs", dag_id, run_id.replace("/", "_"))
