"""New uploads by themselves: S3's events wake the right DAG of a real Airflow, a few runs for many files."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from e2e.conftest import DIMENSIONS, ROOT, Deployment

from nova_mme_local.screen import Screen
from nova_mme_local.stack import Stack
from nova_mme_local.updown import bring_up

pytestmark = pytest.mark.e2e

# Not while the tests run.
SWEEP_HOUR = (datetime.now(UTC).hour + 12) % 24
MODALITIES = ("text", "image", "video", "audio", "document")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Airflow with this project's DAGs, watching the media bucket as after `make up`."""
    sweep = {"AIRFLOW__NOVA_MME__SWEEP": f"17 {SWEEP_HOUR} * * *"}
    home = tmp_path_factory.mktemp("stack")
    with Stack(home, job_seconds=2.0, watch_uploads=True, extra_env=sweep) as running:
        yield running


@pytest.fixture(scope="module")
def ready(stack: Stack) -> Deployment:
    """The stack as `make up` leaves it: set up, and told how files get in."""
    shown = io.StringIO()
    assert bring_up(stack, Screen(shown)) == 0
    assert "Running setup_embeddings, once" in shown.getvalue()
    assert "s3 cp FILE s3://nova-mme-media/" in shown.getvalue()
    return Deployment(stack)


@pytest.fixture
def deployment(ready: Deployment) -> Deployment:
    """The deployment, with no run under way."""
    assert ready.api.await_idle("embed_")
    return ready


def runs_of(deployment: Deployment, modality: str, kind: str) -> list[dict[str, Any]]:
    """The runs of an embedding DAG, of a type: `asset_triggered`, `backfill`, `scheduled`."""
    return deployment.api.get(f"dags/embed_{modality}/dagRuns", run_type=kind, limit=100)["dag_runs"]


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    """Return when the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds:.0f} s"
        time.sleep(1)


def is_stored(deployment: Deployment, prefix: str, sources: int) -> bool:
    """Whether all four indexes have vectors of so many sources below the prefix."""
    found = (
        {v["metadata"]["sourceS3Uri"] for v in deployment.stored(d, prefix).values()} for d in DIMENSIONS
    )
    return all(len(uris) == sources for uris in found)


def test_a_copied_file_is_searchable_without_a_click(deployment: Deployment, samples: Path) -> None:
    """Into all four indexes, by a run of its modality's DAG and of no other; upper-case extensions too."""
    before = {modality: len(runs_of(deployment, modality, "asset_triggered")) for modality in MODALITIES}

    picture = sorted((samples / "image").iterdir())[0]
    deployment.put(f"fresh/{picture.stem}.{picture.suffix[1:].upper()}", picture.read_bytes())
    deployment.put("fresh/a note.txt", b"Cats purr when they are content.")

    wait_for(lambda: is_stored(deployment, "fresh", 2), 120)
    after = {modality: len(runs_of(deployment, modality, "asset_triggered")) for modality in MODALITIES}
    woken = {modality for modality in MODALITIES if after[modality] > before[modality]}
    assert woken == {"text", "image"}


def test_coming_up_again_sets_nothing_up_again(deployment: Deployment) -> None:
    """The set-up has run, so that `make up` on a running stack only says where it is."""
    shown = io.StringIO()
    assert bring_up(deployment.stack, Screen(shown)) == 0
    assert "Running" not in shown.getvalue()
    assert deployment.api.get("dags/setup_embeddings/dagRuns")["total_entries"] == 1


def test_two_hundred_files_at_once_are_a_few_runs(deployment: Deployment) -> None:
    """All are stored, one job each, by at most six runs."""
    runs = len(runs_of(deployment, "text", "asset_triggered"))
    jobs = started_jobs(deployment)
    names = [f"many/{number}.txt" for number in range(200)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: deployment.put(name, f"This is the file {name}.".encode()), names))

    wait_for(lambda: is_stored(deployment, "many", 200), 600)
    assert deployment.api.await_idle("embed_text")
    assert started_jobs(deployment) - jobs == 200
    new_runs = runs_of(deployment, "text", "asset_triggered")[runs:]
    assert 1 <= len(new_runs) <= 6
    assert {run["state"] for run in new_runs} == {"success"}


def started_jobs(deployment: Deployment) -> int:
    """How many Bedrock jobs local AWS ever started; a request with a token it knows starts none."""
    stats = requests.get(f"{deployment.stack.aws_url}/_local/stats", timeout=10).json()
    return stats["async_jobs"]["started"]


def test_days_are_backfilled(deployment: Deployment) -> None:
    """Airflow's own backfill makes a run for each day, and each succeeds."""
    command = ["-m", "airflow", "backfill", "create", "--dag-id", "embed_text"]
    days = ["--from-date", "2026-05-01", "--to-date", "2026-05-03"]
    conf = ["--dag-run-conf", '{"prefix": "fresh/"}']

    done = subprocess.run(
        [sys.executable, *command, *days, *conf],
        env=deployment.stack.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    wait_for(
        lambda: len(ends := backfilled(deployment)) == 2 and set(ends.values()) <= {"success", "failed"}, 120
    )
    days = {f"2026-05-0{day}T{SWEEP_HOUR:02}:17:00Z" for day in (1, 2)}
    assert backfilled(deployment) == dict.fromkeys(days, "success")


def backfilled(deployment: Deployment) -> dict[str, str]:
    """The end of each backfilled run's data interval, and its state."""
    return {run["data_interval_end"]: run["state"] for run in runs_of(deployment, "text", "backfill")}
