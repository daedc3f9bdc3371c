"""A person reads what was embedded, what failed, and why a run did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nova_mme_local.outcomes import find_log, list_failures, read_errors, tabulate


def report(**more: Any) -> dict[str, Any]:
    """A run's report as its task `report` pushes it."""
    vectors = {"256": 7, "384": 7, "1024": 7, "3072": 7}
    counts = {"sources": 3, "unchanged": 4, "stored": 2, "failed": 1, "segments": 7}
    return {"modality": "video", "seconds": 12.6, "vectors": vectors, "failures": [], **counts, **more}


def test_the_table_has_a_line_for_each_modality() -> None:
    """Counts, vectors in each of the four indexes and seconds, in 100 columns."""
    lines = tabulate([report(), report(modality="text", stored=12_345)])
    assert lines[0].split() == (
        [
            "modality",
            "sources",
            "unchanged",
            "stored",
            "failed",
            "segments",
            "256-d",
            "384-d",
            "1024-d",
            "3072-d",
            "seconds",
        ]
    )
    assert lines[2].split() == ["video", "3", "4", "2", "1", "7", "7", "7", "7", "7", "13"]
    assert lines[3].split()[:4] == ["text", "3", "4", "12345"]
    assert max(map(len, lines)) <= 100


def test_failures_have_a_name_a_reason_and_a_next_step() -> None:
    """Each source that failed is two lines."""
    failure = {
        "source": "s3://bucket/samples/broken.mp4",
        "reason": "content_is_not_its_type",
        "message": "It is a PNG image.",
        "next_step": "Rename it.",
    }
    assert list_failures([report(), report(failures=[failure])]) == [
        "broken.mp4: content_is_not_its_type. It is a PNG image.",
        "    Rename it.",
    ]


def test_errors_of_a_log_are_its_errors_and_exceptions() -> None:
    """Information is left out, an exception's type and words are there, and the last lines are kept."""
    log = [
        "a line without structure",
        {"event": "starting", "level": "info"},
        {
            "event": "Task failed with exception",
            "level": "error",
            "error_detail": [{"exc_type": "ValueError", "exc_value": "no\nbucket"}],
        },
    ]
    assert read_errors(log) == ["Task failed with exception", "ValueError: no", "bucket"]
    many = [{"event": f"error {number}", "level": "error"} for number in range(100)]
    assert read_errors(many)[-1] == "error 99"
    assert len(read_errors(many)) < 10


def test_a_mapped_tasks_log_is_below_its_index() -> None:
    """As Airflow's log_filename_template has it."""
    names = ("embed_text", "manual__1", "shard.store")
    mapped = find_log(Path("/logs"), *names, map_index=3, try_number=2)
    assert str(mapped) == (
        "/logs/dag_id=embed_text/run_id=manual__1/task_id=shard.store/map_index=3/attempt=2.log"
    )
    plain = find_log(Path("/logs"), *names, map_index=-1, try_number=1)
    assert str(plain) == "/logs/dag_id=embed_text/run_id=manual__1/task_id=shard.store/attempt=1.log"
