"""What backfill_embeddings promises beside the story: money, days, recipes, rebuilding, a gate that fails, two at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from e2e.campaign import DAG_ID, FIRST, NEXT, Change
from e2e.conftest import Deployment
from e2e.faults import until
from local.media_files import PICTURES, picture

from nova_mme.source import S3Uri, object_id
from nova_mme.space_member import State
from nova_mme_local.airflow_settings import MEDIA_BUCKET, OUTPUT_BUCKET, VECTOR_BUCKET, aws_environment
from nova_mme_local.server import LocalAws
from nova_mme_local.stack import Stack

pytestmark = pytest.mark.e2e

# Airflow's own backfills need a schedule; this one is not due while the tests run.
HOUR = (datetime.now(UTC).hour + 12) % 24
PRICE = 0.00006  # of a picture
LONG, CUT = f"s3://{MEDIA_BUCKET}/recipe/long.txt", f"s3://{MEDIA_BUCKET}/recipe/cut.txt"
CHARACTERS = 2000
SLOW = {"operation": "bedrock-runtime.StartAsyncInvoke", "delay_seconds": 0.5, "probability": 1}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose bucket has a file of each of the last days."""
    home = tmp_path_factory.mktemp("stack")
    upload_days(home / "aws")
    schedule = {"AIRFLOW__NOVA_MME__BACKFILL": f"17 {HOUR} * * *"}
    with Stack(home, job_seconds=1.0, extra_env=schedule) as running:
        yield running


def upload_days(data: Any) -> None:
    """Have files in a local AWS that were uploaded one, two and three days after the tick of four days ago."""
    data.mkdir(parents=True)
    with LocalAws(data=data) as aws:
        credentials = {
            name.lower(): value for name, value in aws_environment(aws.url).items() if "_KEY" in name
        }
        s3 = boto3.client("s3", endpoint_url=aws.url, region_name="us-east-1", **credentials)
        s3.create_bucket(Bucket=MEDIA_BUCKET)
        for number in range(3):
            with patch("moto.s3.models.utcnow", lambda day=number: find_tick(4) + timedelta(days=day + 0.5)):
                s3.put_object(
                    Bucket=MEDIA_BUCKET, Key=f"days/{number}.txt", Body=f"Day {number} is over.".encode()
                )


def find_tick(days: int) -> datetime:
    """When the schedule was due so many days ago."""
    return (datetime.now(UTC) - timedelta(days=days)).replace(hour=HOUR, minute=17, second=0, microsecond=0)


@pytest.fixture(scope="module")
def ready(stack: Stack) -> Deployment:
    """The stack, set up."""
    deployment = Deployment(stack)
    deployment.s3.create_bucket(Bucket=OUTPUT_BUCKET)
    assert deployment.api.wait("setup_embeddings", deployment.start("setup_embeddings")) == "success"
    return deployment


@pytest.fixture(scope="module")
def stocked(ready: Deployment) -> Deployment:
    """With sources in its one space."""
    change = Change(ready)
    for uri, name in ((LONG, "long"), (CUT, "cut")):
        text = f"{name}: {'There was rain on the roof of the old house. ' * 100}"
        ready.put(S3Uri.parse(uri).key, text[:CHARACTERS].encode())
    change.put_texts("lost", 3)
    change.put_texts("twice", 4)
    asked: list[dict[str, Any]] = [
        {"prefix": "recipe/long"},
        {"prefix": "recipe/cut", "segment_characters": 800},
        {"prefix": "lost/"},
        {"prefix": "twice/"},
    ]
    runs = [ready.start("embed_text", **conf) for conf in asked]
    assert [ready.finish("embed_text", run_id)[1]["stored"] for run_id in runs] == [1, 1, 3, 4]
    return ready


@pytest.fixture
def change(stocked: Deployment, deployment: Deployment) -> Iterator[Change]:
    """The deployment, with its one space."""
    change = Change(deployment)
    yield change
    change.give_up_next()


def test_the_money_is_a_bound_and_no_loss(change: Change) -> None:
    """Two of five are paid for, and run again no more of them; with more money the rest, in two runs, and none twice."""
    sources = [
        change.site.put(f"money/{number}.png", picture(PICTURES[number % 3], number)) for number in range(5)
    ]
    run_id = change.start(prefix="money/", max_cost_usd=2.2 * PRICE)
    state, report = change.finish(run_id)

    assert (state, report["stored"]) == ("success", 2), report
    assert [report["planned"][name] for name in ("due", "taken", "left", "over_budget")] == [5, 2, 3, 3]
    assert report["progress"]["spent_usd"] == pytest.approx(2 * PRICE)
    assert report["next"] is None
    assert "max_cost_usd is spent" in report["why_over"]
    assert sum(change.jobs(FIRST, sources).values()) == 2

    change.task(run_id, "plan").clear()
    state, report = change.finish(run_id)

    assert (state, report["planned"]["taken"]) == ("success", 0), report
    assert report["progress"]["spent_usd"] == pytest.approx(2 * PRICE)
    assert sum(change.jobs(FIRST, sources).values()) == 2

    run_id = change.start(prefix="money/", max_cost_usd=1.0, sources_per_run=2)
    reports = change.follow(run_id)

    assert [report["planned"]["taken"] for report in reports] == [2, 1]
    assert [report["progress"]["done"] for report in reports] == [2, 3]
    assert (reports[-1]["progress"]["left"], reports[-1]["why_over"]) == (0, "Nothing is left.")
    change.assert_holds(FIRST, sources, prefix="money/")

    change.task(run_id, "shard.submit", 0).clear()
    state, report = change.finish(run_id)

    assert state == "success", report
    assert change.jobs(FIRST, sources) == dict.fromkeys(sources, 1)
    change.assert_holds(FIRST, sources, prefix="money/")


class Watch:
    """Looks for vectors by their keys, again and again within its block."""

    def __init__(self, change: Change, keys: list[str]) -> None:
        self._change, self._keys = change, keys
        self.missed: list[set[str]] = []
        self.recipes: set[tuple[str, ...]] = set()

    @contextmanager
    def go_on(self) -> Iterator[None]:
        """Look until the block ends."""
        end = threading.Event()
        thread = threading.Thread(target=self._look_until, args=[end])
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()

    def _look_until(self, end: threading.Event) -> None:
        while not end.wait(0.05):
            found = self._change.site.vectors.get_vectors(
                vectorBucketName=VECTOR_BUCKET,
                indexName=FIRST.index_name(256),
                keys=self._keys,
                returnMetadata=True,
            )["vectors"]
            if missing := set(self._keys) - {vector["key"] for vector in found}:
                self.missed.append(missing)
            self.recipes.add(tuple(sorted({vector["metadata"]["recipe"] for vector in found})))


def test_a_recipe_is_changed_in_place(change: Change) -> None:
    """Of one and of three segments before, of two afterwards, in search all the while; a sweep leaves it at that."""
    segments = [f"{object_id(LONG)}/TEXT/0", *(f"{object_id(CUT)}/TEXT/{index}" for index in range(3))]
    assert set(change.keys(FIRST, prefix="recipe/")[256]) == set(segments)

    watch = Watch(change, segments[:2])
    with watch.go_on():
        report = change.run(prefix="recipe/", modalities=["text"], text_segment_characters=1200)

    assert (report["stored"], watch.missed) == (2, [])
    assert len({recipe for seen in watch.recipes for recipe in seen}) == 3, watch.recipes
    wanted = {f"{object_id(uri)}/TEXT/{index}" for uri in (LONG, CUT) for index in range(2)}
    assert all(keys == wanted for keys in change.keys(FIRST, prefix="recipe/").values())
    assert change.jobs(FIRST, [LONG, CUT]) == {LONG: 2, CUT: 2}

    sweep = change.site.embed("text", prefix="recipe/")

    assert (sweep["sources"], sweep["unchanged"]) == (0, 2)
    assert change.jobs(FIRST, [LONG, CUT]) == {LONG: 2, CUT: 2}


def test_a_lost_index_is_rebuilt_without_the_model(change: Change) -> None:
    """All of it is back, from the 3072-d vectors, and Bedrock was not called."""
    before, calls = change.keys(FIRST), change.site.calls()
    change.site.vectors.delete_index(vectorBucketName=VECTOR_BUCKET, indexName=FIRST.index_name(384))

    report = change.run(action="rebuild", dimensions=["384"])

    assert report["did"]["rebuild"]["vectors_384"] == len(before[384])
    assert change.keys(FIRST) == before
    after = change.site.calls()
    assert {name: after[name] for name in after if name.startswith("bedrock-runtime.")} == {
        name: calls[name] for name in calls if name.startswith("bedrock-runtime.")
    }


def test_two_at_once_and_a_gate_that_fails(change: Change) -> None:
    """The same target is joined and another one refused by name; what is damaged then does not become active."""
    days = [f"s3://{MEDIA_BUCKET}/days/{number}.txt" for number in range(3)]
    sources = [*change.rows(FIRST), *days]
    change.site.set_faults(SLOW)
    target = {"target_model_id": NEXT.model_id, "cutover": "none"}
    first = change.start(**target)
    until(lambda: change.rows(NEXT), "job", every=0.1)
    second, other = change.start(**target), change.start(**target, target_revision="other")

    ends = [change.finish(run_id)[0] for run_id in (first, second, other)]
    assert ends == ["success", "success", "failed"]
    change.assert_holds(NEXT, sources)
    assert change.jobs(NEXT, sources) == dict.fromkeys(sources, 1)
    assert f"The space '{NEXT.name}' is being built already" in change.read_log(other, "estimate")
    assert change.states == {FIRST.name: State.ACTIVE, NEXT.name: State.BUILDING}

    holed = LONG
    change.site.vectors.delete_vectors(
        vectorBucketName=VECTOR_BUCKET,
        indexName=NEXT.index_name(1024),
        keys=[f"{object_id(holed)}/TEXT/0"],
    )
    run_id = change.start(action="cutover", target_model_id=NEXT.model_id)
    state, report = change.finish(run_id)

    assert (state, report["cut_over_to"], report["failed_tasks"]) == ("failed", None, ["judge"])
    (reason,) = report["verdict"]["reasons"]
    assert "Vectors are missing in the new indexes (1024d), of 1 stored source" in reason
    assert holed in reason
    assert f"{FIRST.name} stays the active one" in change.read_log(run_id, "judge")
    page = S3Uri.parse(report["verdict"]["page_uri"])
    html = change.site.s3.get_object(Bucket=page.bucket, Key=page.key)["Body"].read().decode()
    assert page.key.endswith("/gate.html")
    assert holed in html
    assert change.states == {FIRST.name: State.ACTIVE, NEXT.name: State.BUILDING}
    change.assert_reads(FIRST)


def test_a_day_is_backfilled_by_airflow_itself(change: Change) -> None:
    """Of three files, the one that was modified in the day.

    The last test: an Airflow backfill makes the scheduler start the run of the last tick, which takes everything.
    """
    day = find_tick(2)
    body = {
        "dag_id": DAG_ID,
        "from_date": day.isoformat(),
        "to_date": day.isoformat(),
        "dag_run_conf": {"prefix": "days/"},
    }
    change.airflow.ask("POST", "backfills", body).raise_for_status()

    path = f"dags/{DAG_ID}/dagRuns?run_type=backfill"
    runs = until(lambda: change.airflow.ask("GET", path).json()["dag_runs"], "run")
    state, report = change.finish(runs[0]["dag_run_id"])

    assert (len(runs), state) == (1, "success"), report
    assert (report["planned"]["due"], report["stored"]) == (1, 1)
    days = [f"s3://{MEDIA_BUCKET}/days/{number}.txt" for number in range(3)]
    assert change.jobs(FIRST, days) == dict(zip(days, (0, 1, 0), strict=True))
