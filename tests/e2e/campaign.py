"""The model changed under a running stack: what each of the two spaces holds, who was paid, and what a run says."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from e2e.conftest import Deployment
from e2e.faults import Airflow, TaskInstance, until

from nova_mme.ledger import Ledger
from nova_mme.migration.retirement import retire_due
from nova_mme.search.query import TextQuery
from nova_mme.search.request import Request
from nova_mme.search.searcher import Searcher
from nova_mme.settings import Settings
from nova_mme.source import S3Uri, object_id
from nova_mme.space import DIMENSIONS, Space
from nova_mme.space_member import State
from nova_mme.space_registry import SpaceRegistry
from nova_mme.store import VectorStore
from nova_mme_local.airflow_settings import MEDIA_BUCKET, MODEL_REVISION, VECTOR_BUCKET
from nova_mme_local.airflow_settings import deployment as read_deployment
from nova_mme_local.bedrock.models import NOVA_NEXT

DAG_ID = "backfill_embeddings"
FIRST = Space(revision=MODEL_REVISION)
NEXT = Space(NOVA_NEXT, first=False)

# Airflow 3.3 has a state of its own for a task that asks a person; 3.2.1 calls it deferred.
ASKING = ("awaiting_input", "deferred")

_TABLE = "nova-mme-ledger"
_SUBJECTS = ("cats purr", "trains depart", "coffee is brewed", "mountains rise", "violins sing", "ships sail")


@dataclass(frozen=True)
class Change:
    """A deployment of which the model or the recipe is changed.

    :ivar site: the tests' Deployment.
    """

    site: Deployment

    def put_texts(self, prefix: str, count: int) -> list[str]:
        """Upload so many short texts, `0.txt` and on, all about something else; returns their URIs."""
        return [self.put_text(f"{prefix}/{number}.txt", number) for number in range(count)]

    def put_text(self, key: str, number: int = 0) -> str:
        """Upload a short text; returns its URI."""
        subject = _SUBJECTS[number % len(_SUBJECTS)]
        return self.site.put(key, f"{key}: here {subject}, and number {number} is told of it.".encode())

    def delete_object(self, uri: str) -> None:
        """Delete an object of the media bucket."""
        place = S3Uri.parse(uri)
        self.site.s3.delete_object(Bucket=place.bucket, Key=place.key)

    def start(self, **conf: Any) -> str:
        """Start a run of `backfill_embeddings`; returns its id."""
        return self.airflow.start(DAG_ID, conf)

    def finish(self, run_id: str) -> tuple[str, dict[str, Any]]:
        """Wait for a run's end; returns its state and what its report says."""
        state = self.airflow.finish(DAG_ID, run_id)
        return state, self.site.api.xcom(DAG_ID, run_id, "report")

    def run(self, **conf: Any) -> dict[str, Any]:
        """Run it to its end, which is to be success; returns what its report says."""
        state, report = self.finish(self.start(**conf))
        assert state == "success", report
        return report

    def follow(self, run_id: str) -> list[dict[str, Any]]:
        """What a run and those that it has started, one after the other, report."""
        reports = []
        while run_id:
            state, report = self.finish(run_id)
            assert state == "success", report
            reports.append(report)
            run_id = _name_next(run_id) if report["next"] else ""
        return reports

    def task(self, run_id: str, task_id: str, map_index: int = -1) -> TaskInstance:
        """A task of a run."""
        return TaskInstance(self.site.stack, DAG_ID, run_id, task_id, map_index)

    def read_log(self, run_id: str, task_id: str) -> str:
        """What the first try of a task has logged."""
        return json.dumps(self.site.api.log(DAG_ID, run_id, task_id))

    def approve(self, run_id: str) -> None:
        """Answer the question of a run, as a person does under Required Actions, until it goes on.

        An answer within half a second of the question can be lost: Airflow takes the task for a failed one, tries it
        again, and asks again.
        """
        until(lambda: self._answer(run_id), "approval")

    def _answer(self, run_id: str) -> bool:
        """Answer if it asks; returns whether it has gone on."""
        state = self.task(run_id, "approve").look()["state"]
        if state in ASKING:
            path = f"dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
            answer = {"chosen_options": ["Approve"], "params_input": {}}
            told = self.airflow.ask("PATCH", path, answer)
            assert told.ok or told.status_code in (404, 409), told.text  # not asked yet, answered already
        return bool(state == "success")

    @property
    def airflow(self) -> Airflow:
        """The stack's REST API."""
        return Airflow(self.site.stack)

    @cached_property
    def dynamodb(self) -> Any:
        """Amazon DynamoDB, as a resource."""
        return boto3.resource("dynamodb", endpoint_url=self.site.stack.aws_url)

    @property
    def registry(self) -> SpaceRegistry:
        """Which spaces there are."""
        return SpaceRegistry(self.dynamodb, _TABLE, FIRST)

    @property
    def states(self) -> dict[str, State]:
        """What each space is for, by its name."""
        return {name: member.state for name, member in self.registry.read().members.items()}

    def give_up_next(self) -> None:
        """Delete the second space, if there is one that is not active, as if nobody had ever begun it."""
        if NEXT.name not in self.registry.read().members:
            return
        self.registry.retire(NEXT.name, keep_days=0)
        deleted = retire_due(
            self.registry,
            store_of=lambda space: VectorStore(self.site.vectors, VECTOR_BUCKET, space),
            ledger_of=lambda space: Ledger(self.dynamodb, _TABLE, space),
        )
        assert deleted == [NEXT.name]

    def indexes(self) -> set[str]:
        """The names of the indexes that there are."""
        found = self.site.vectors.list_indexes(vectorBucketName=VECTOR_BUCKET)["indexes"]
        return {index["indexName"] for index in found}

    def keys(self, space: Space, *, prefix: str = "") -> dict[int, set[str]]:
        """The keys in each of a space's indexes, of the sources below the prefix, those deleted since included."""
        return {dimension: self._keys(space.index_name(dimension), prefix) for dimension in DIMENSIONS}

    def _keys(self, index: str, prefix: str) -> set[str]:
        pages = self.site.vectors.get_paginator("list_vectors").paginate(
            vectorBucketName=VECTOR_BUCKET, indexName=index, returnMetadata=True
        )
        place = f"s3://{MEDIA_BUCKET}/{prefix}"
        found = (vector for page in pages for vector in page["vectors"])
        return {v["key"] for v in found if v["metadata"]["sourceS3Uri"].startswith(place)}

    def rows(self, space: Space, *, prefix: str = "") -> dict[str, str]:
        """The statuses of a space's sources below the prefix, by URI."""
        place = f"s3://{MEDIA_BUCKET}/{prefix}"
        rows = Ledger(self.dynamodb, _TABLE, space).scan()
        return {row.uri: row.status.value for row in rows if row.uri.startswith(place)}

    def jobs(self, space: Space, sources: Iterable[str]) -> dict[str, int]:
        """How many jobs Bedrock has ever started for each of the sources, in a space."""
        pages = self.site.bedrock.get_paginator("list_async_invokes").paginate()
        places = Counter(
            tuple(job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"].split("/")[5:7])
            for page in pages
            for job in page["asyncInvokeSummaries"]
        )
        return {uri: places[space.name, object_id(uri)] for uri in sources}

    def assert_reads(self, space: Space) -> None:
        """Searches read the space, and find something of it and of no other."""
        searcher = Searcher(
            self.registry, self.site.vectors, self.site.bedrock, Settings.read(read_deployment())
        )
        answer = searcher.search(Request(query=TextQuery("cats that purr")))
        assert answer.space == space.name
        assert {result.metadata["space"] for result in answer.results} == {space.name}

    def assert_holds(self, space: Space, sources: Iterable[str], *, prefix: str = "") -> None:
        """One segment of each of the sources is in all four indexes of a space, and none besides; rows agree."""
        wanted = set(sources)
        ids = {object_id(uri): uri for uri in wanted}
        held = {
            dimension: {key.partition("/")[0] for key in keys}
            for dimension, keys in self.keys(space, prefix=prefix).items()
        }
        wrong = {dimension: found ^ set(ids) for dimension, found in held.items()}
        assert not any(wrong.values()), f"missing from or too much in {space.name}: {wrong}"
        stored = {uri for uri, status in self.rows(space, prefix=prefix).items() if status == "stored"}
        assert stored == wanted


def _name_next(run_id: str) -> str:
    own = f"{DAG_ID}/{run_id}"
    return f"manual__goes_on_{hashlib.sha256(own.encode()).hexdigest()[:16]}"
