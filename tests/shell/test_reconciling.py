"""reconcile_embeddings: its graph, its schedule, and what its tasks do, refuse and report."""

from __future__ import annotations

import ast
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from core.stocked import all_rows, keys_of, put, take
from shell.reconciling_run import REAL, Run, open_run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(account, monkeypatch) -> Run:
    """A deployment that is in step."""
    return open_run(account, monkeypatch)


@pytest.fixture(scope="module")
def dag() -> Any:
    """The DAG as its file makes it."""
    import runpy

    return runpy.run_path(str(ROOT / "dags" / "reconcile_embeddings.py"))["dag"]


def test_a_dry_run_says_and_changes_nothing(run: Run) -> None:
    """The default: mend is skipped, and the report says what would be done."""
    run.delete("red.txt")
    before = (all_rows(run.deployment), run.deployment.all_keys())

    compared = run.compare()
    with pytest.raises(AirflowSkipException, match=r"nothing was changed.*findings\.md"):
        run.mend(compared)
    summary = run.report(compared)

    assert (all_rows(run.deployment), run.deployment.all_keys()) == before
    assert (summary["dry_run"], summary["mended"]) == (True, None)
    assert [summary[kind] for kind in ("departed", "orphan", "hole", "stale")] == [1, 0, 0, 0]
    assert "1 of 3 sources" in summary["objections"][0]
    page = run.read(summary["report_uri"])
    assert "a dry run, nothing was changed" in page
    assert "would refuse without `force`: 1 of 3 sources" in page
    assert "s3://media/red.txt" in run.read(summary["findings_uri"])


def test_a_real_run_mends(run: Run) -> None:
    """One of each kind, and room enough for it: all of it is mended, and the next run finds nothing."""
    gone, holed, stale = run.sources
    run.delete("red.txt")
    put(run.deployment, 384, f"{holed.object_id}/TEXT/3")
    take(run.deployment, 1024, f"{holed.object_id}/TEXT/0")
    put(run.deployment, 256, f"{stale.object_id}/TEXT/1", etag="older")

    compared = run.compare(max_deleted_fraction=0.7)
    run.mend(compared, **REAL, max_deleted_fraction=0.7)
    summary = run.report(compared, **REAL)

    assert summary["mended"] == {"removed": 1, "vectors_deleted": 13, "reopened": 2, "left_alone": 0}
    assert [summary[kind] for kind in ("departed", "orphan", "hole", "stale")] == [1, 1, 1, 1]
    assert summary["objections"] == []
    assert run.deployment.keys(3072) == keys_of(holed) | keys_of(stale)
    assert {row.status.value for row in all_rows(run.deployment).values()} == {"submitted"}
    assert gone.uri not in all_rows(run.deployment)
    assert "mended: 1 sources removed, 13 vectors deleted, 2 sources" in run.read(summary["report_uri"])
    assert run.compare()["counts"].keys().isdisjoint({"departed", "orphan", "hole", "stale"})


def test_too_much_is_refused(run: Run) -> None:
    """With the numbers, the findings and what to do; nothing is touched."""
    run.delete("red.txt", "green.txt", "blue.txt")
    before = (all_rows(run.deployment), run.deployment.all_keys())
    compared = run.compare()

    with pytest.raises(AirflowFailException) as refusal:
        run.mend(compared, **REAL)

    assert (
        "Nothing was changed: 3 of 3 sources that have vectors would be removed, 100.0% where 10.0%"
        in str(refusal.value)
    )
    assert compared["findings_uri"] in str(refusal.value)
    assert "force" in str(refusal.value)
    assert (all_rows(run.deployment), run.deployment.all_keys()) == before


def test_force_mends_however_much_it_is(run: Run) -> None:
    """It was looked at, and it is right."""
    run.delete("red.txt", "green.txt", "blue.txt")

    assert run.mend(run.compare(), **REAL, force=True)["removed"] == 3

    assert (all_rows(run.deployment), run.deployment.all_keys()) == ({}, set())


def test_a_missing_index_is_not_retried(run: Run) -> None:
    """A sentence, and a failure that no retry mends."""
    run.deployment.s3vectors.delete_index(vectorBucketName="vectors", indexName="embeddings-256d")

    with pytest.raises(AirflowFailException, match="no index vectors/embeddings-256d"):
        run.compare()


def test_a_bucket_that_cannot_be_listed_ends_the_comparison(run: Run) -> None:
    """No findings are made of a listing that failed."""
    from botocore.exceptions import ClientError

    run.deployment.put_faults({"operation": "s3.ListObjectsV2", "code": "AccessDenied", "status": 403})

    with pytest.raises(ClientError):
        run.compare()


def test_the_graph(dag: Any) -> None:
    """compare, then mend, then report; a dry run's skipped mend does not skip the report."""
    assert {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks} == {
        "compare": ["mend", "report"],
        "mend": ["report"],
        "report": [],
    }
    assert dag.get_task("report").trigger_rule == "none_failed"
    assert dag.max_active_runs == 1
    assert all(task.retries >= 2 for task in dag.tasks)


def test_everything_is_explained_and_bounded(dag: Any) -> None:
    """DAG, tasks and parameters carry the texts that the UI shows; dry run is the default."""
    assert dag.doc_md.strip() == ast.get_docstring(
        ast.parse((ROOT / "dags/reconcile_embeddings.py").read_text())
    )
    assert all(task.doc_md for task in dag.tasks)
    for name in dag.params:
        param = dag.params.get_param(name)
        assert param.schema.get("title"), name
        assert len(param.description) > 20, name
        assert param.schema.get("section"), name
    fraction = dag.params.get_param("max_deleted_fraction").schema
    assert (fraction["minimum"], fraction["maximum"]) == (0, 1)
    values = dag.params.validate()
    assert (values["dry_run"], values["force"], values["check_versions"]) == (True, False, True)


@pytest.mark.parametrize("days", range(8))
def test_unpausing_starts_nothing(dag: Any, days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first run comes on the next Sunday at three, on whatever day of the week the DAG is unpaused."""
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import TimeRestriction

    sunday = datetime(2026, 3, 1, 3, tzinfo=UTC)
    now = sunday + timedelta(days=days, minutes=1)
    monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: now)
    data = json.loads(json.dumps(DagSerialization.to_dict(dag)))
    timetable = DagSerialization.from_dict(data).timetable

    planned = timetable.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(None, None, catchup=False)
    )

    assert planned.run_after == sunday + timedelta(days=7 if days < 7 else 14)
