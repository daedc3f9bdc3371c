"""The job quota through a real scheduler: kept by all DAGs together, kept full, and live work first."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from e2e.conftest import DIMENSIONS, Deployment
from local.media_files import PICTURES, SOUNDS, clip, picture, sound

from nova_mme.job_quota import KEY
from nova_mme_local.airflow_settings import deployment as read_deployment
from nova_mme_local.stack import Stack

pytestmark = pytest.mark.e2e

LIMIT = 6  # local AWS itself allows 20: the peak is our doing
FILES = 24
MODALITIES = ("text", "image", "video", "audio")
_ENDED = {"success", "failed"}
_LONGEST_SECONDS = 600  # on a machine that does other things, too


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Airflow with this project's DAGs, and jobs of six seconds."""
    settings = {**read_deployment(), "max_jobs_in_flight": LIMIT}
    extra = {"AIRFLOW_VAR_NOVA_MME": json.dumps(settings)}
    with Stack(tmp_path_factory.mktemp("stack"), extra_env=extra, job_seconds=6.0) as running:
        yield running


def make_file(modality: str, number: int) -> tuple[str, bytes]:
    """A small file; all differ."""
    kind = number % 3
    if modality == "text":
        return f"{number}.txt", f"Text {number}: cats purr, rain falls, and coffee is brewed.".encode()
    if modality == "image":
        return f"{number}.png", picture(PICTURES[kind], number)
    if modality == "audio":
        return f"{number}.wav", sound(SOUNDS[kind], number, seconds=1.0)
    return f"{number}.mp4", clip([PICTURES[kind]], seconds_each=1.0 + number / 10)


class Watch:
    """Reads local AWS's figures of jobs, within its block, until so many have been started."""

    def __init__(self, deployment: Deployment, jobs: int) -> None:
        self._deployment = deployment
        self.before = read_figures(deployment)["async_jobs"]["started"]
        self._jobs = jobs
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._first = self._last = (0.0, 0.0)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(0.2):
            figures = read_figures(self._deployment)["async_jobs"]
            self._last = (time.monotonic(), figures["in_flight_seconds"])
            started = figures["started"] - self.before
            if started and not self._first[0]:
                self._first = self._last
            if started >= self._jobs:
                return

    @property
    def share(self) -> float:
        """Which share of the quota was in use between the first start and the last."""
        seconds, used = (last - first for first, last in zip(self._first, self._last, strict=True))
        return used / seconds / LIMIT


def read_figures(deployment: Deployment) -> dict[str, Any]:
    """All of local AWS's figures."""
    answer: dict[str, Any] = requests.get(f"{deployment.stack.aws_url}/_local/stats", timeout=10).json()
    return answer


def test_four_dags_share_one_quota_and_keep_it_full(deployment: Deployment) -> None:
    """96 small files at once: never more jobs than allowed, each started once, everything stored."""
    for modality in MODALITIES:
        for number in range(FILES):
            name, body = make_file(modality, number)
            deployment.put(f"quota/{modality}/{name}", body)
    with Watch(deployment, FILES * len(MODALITIES)) as watch:
        runs = {name: deployment.start(f"embed_{name}", prefix=f"quota/{name}/") for name in MODALITIES}
        ends = {name: finish(deployment, f"embed_{name}", run_id) for name, run_id in runs.items()}

    figures = read_figures(deployment)
    print(
        f"\n{FILES * 4} jobs of 6 s, {LIMIT} allowed: {watch.share:.0%} of the quota used until the last start"
    )
    assert {
        name: (state, end["stored"], end["failed"]) for name, (state, end) in ends.items()
    } == dict.fromkeys(MODALITIES, ("success", FILES, 0))
    assert figures["async_jobs"]["peak_in_flight"] <= LIMIT
    assert figures["async_jobs"]["started"] - watch.before == FILES * len(MODALITIES)
    assert "bedrock-runtime.StartAsyncInvoke" not in figures["errors"]
    for dimension in DIMENSIONS:
        sources = {v["metadata"]["sourceS3Uri"] for v in deployment.stored(dimension, "quota").values()}
        assert len(sources) == FILES * len(MODALITIES)
    for name, run_id in runs.items():
        tasks = Counter(task["task_id"] for task in deployment.api.task_instances(f"embed_{name}", run_id))
        assert tasks == {"plan": 1, "shard.submit": 3, "shard.wait": 3, "shard.store": 3, "report": 1}
    assert (
        watch.share >= 0.4
    )  # a machine that has more to do starts tasks late; an idle one has twice as much


def test_a_backfill_waits_without_a_worker_and_costs_no_try(deployment: Deployment) -> None:
    """While live work waits it is rescheduled, more than once; then it goes on, in its first try."""
    assert deployment.api.await_idle("embed_", timeout=_LONGEST_SECONDS)
    for number in range(12):
        deployment.put(f"later/{number}.txt", f"Later text {number}.".encode())
    announce_live(deployment, until=int(time.time()) + 600)
    before = read_figures(deployment)["async_jobs"]["started"]
    run_id = deployment.start("embed_text", prefix="later/", priority="backfill")

    seen = {index: await_rescheduled(deployment, run_id, index) for index in (0, 1)}
    again = await_rescheduled(deployment, run_id, 0, after=seen[0])
    await_free_pool(deployment)
    announce_live(deployment, until=0)
    state, summary = finish(deployment, "embed_text", run_id)

    assert again > seen[0]
    assert (state, summary["stored"]) == ("success", 12)
    assert read_figures(deployment)["async_jobs"]["started"] - before == 12
    tries = {task["try_number"] for task in submits(deployment, run_id)}
    assert tries == {1}


def finish(deployment: Deployment, dag_id: str, run_id: str) -> tuple[str, dict[str, Any]]:
    """Wait for a run; returns its state and the summary of its report."""
    state = deployment.api.wait(dag_id, run_id, timeout=_LONGEST_SECONDS)
    return state, deployment.api.xcom(dag_id, run_id, "report")


def announce_live(deployment: Deployment, *, until: int) -> None:
    """Say what a live job says that waits for a slot."""
    deployment.ledger.update_item(
        Key=KEY, UpdateExpression="SET live_until = :until", ExpressionAttributeValues={":until": until}
    )


def submits(deployment: Deployment, run_id: str) -> list[dict[str, Any]]:
    """The run's submit tasks."""
    tasks = deployment.api.task_instances("embed_text", run_id)
    return [task for task in tasks if task["task_id"] == "shard.submit"]


def await_free_pool(deployment: Deployment) -> None:
    """Wait for a moment at which nobody holds a slot of the pool, though the run is not over."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while True:
        pools = {pool["name"]: pool for pool in deployment.api.get("pools", limit=100)["pools"]}
        if pools["nova_mme_submit"]["open_slots"] == 4:
            return
        assert time.monotonic() < deadline, pools["nova_mme_submit"]
        time.sleep(0.3)


def await_rescheduled(deployment: Deployment, run_id: str, map_index: int, *, after: str = "") -> str:
    """Wait until a submit task is up for reschedule, having begun after that time; returns when it ended."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while True:
        found = [task for task in submits(deployment, run_id) if task["map_index"] == map_index]
        if found and found[0]["state"] == "up_for_reschedule" and (found[0]["end_date"] or "") > after:
            end: str = found[0]["end_date"]
            return end
        assert time.monotonic() < deadline, found
        assert not found or found[0]["state"] not in _ENDED, found
        time.sleep(0.3)
