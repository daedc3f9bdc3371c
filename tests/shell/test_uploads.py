"""The embedding DAGs' schedule, from Airflow's configuration."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from nova_mme_airflow import uploads

ROOT = Path(__file__).resolve().parents[2]
NAMES = "uploads-{modality}"
URLS = "https://sqs.eu-west-1.amazonaws.com/123456789012/uploads-{modality}"


@pytest.fixture
def configure(monkeypatch):
    """Set options of the section ``nova_mme``."""
    for option in ("UPLOADS_QUEUE", "UPLOADS_CONN_ID", "SWEEP"):
        monkeypatch.delenv(f"AIRFLOW__NOVA_MME__{option}", raising=False)

    def configure(**options):
        for option, value in options.items():
            monkeypatch.setenv(f"AIRFLOW__NOVA_MME__{option.upper()}", value)

    return configure


def timetable_of(schedule):
    """What the scheduler works with: the timetable, out of the serialised DAG."""
    dag = DAG("embed_text", schedule=schedule, catchup=False)
    return DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable


@pytest.mark.parametrize(
    ("options", "kind", "summary"),
    [
        ({}, "CronTriggerTimetable", "17 3 * * *"),
        ({"sweep": ""}, "NullTimetable", None),
        ({"sweep": "5 * * * *"}, "CronTriggerTimetable", "5 * * * *"),
        ({"uploads_queue": NAMES}, "AssetOrTimeSchedule", "Asset or 17 3 * * *"),
        ({"uploads_queue": NAMES, "sweep": " "}, "AssetTriggeredTimetable", "Asset"),
        ({"uploads_queue": "", "sweep": "@hourly"}, "CronTriggerTimetable", None),
    ],
    ids=["unset", "neither", "sweep", "both", "uploads", "empty queue"],
)
def test_every_combination(configure, options, kind, summary):
    """A daily sweep unless it is emptied, and uploads where a queue is named."""
    configure(**options)

    timetable = timetable_of(uploads.schedule("text"))

    assert type(timetable).__name__ == kind
    assert summary is None or timetable.summary == summary


@pytest.mark.parametrize("options", [{}, {"uploads_queue": NAMES}], ids=["sweep", "both"])
def test_backfills_are_permitted_day_by_day(configure, options):
    """Airflow backfills what is periodic; each run's data interval is the day before the sweep."""
    configure(**options)
    timetable = timetable_of(uploads.schedule("text"))
    dag = DAG("embed_text", schedule=uploads.schedule("text"), catchup=False)
    stored = DagSerialization.from_dict(DagSerialization.to_dict(dag))

    runs = list(
        stored.iter_dagrun_infos_between(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 3, tzinfo=UTC))
    )

    assert timetable.periodic
    ends = [datetime(2026, 5, day, 3, 17, tzinfo=UTC) for day in (1, 2)]
    assert [run.data_interval.end for run in runs] == ends
    assert [run.data_interval.start for run in runs] == [end - timedelta(days=1) for end in ends]


def test_unpausing_starts_no_sweep(configure):
    """A DAG that never ran is due at the next sweep, not at once, though the last was minutes ago."""
    from airflow.timetables.base import TimeRestriction

    now = datetime.now(UTC)
    before = now - timedelta(minutes=3)
    configure(uploads_queue=NAMES, sweep=f"{before.minute} {before.hour} * * *")

    info = timetable_of(uploads.schedule("text")).next_dagrun_info(
        last_automated_data_interval=None,
        restriction=TimeRestriction(earliest=None, latest=None, catchup=False),
    )

    assert info.run_after > now


@pytest.mark.parametrize(
    ("template", "queue", "region"),
    [(NAMES, "uploads-audio", None), (URLS, URLS.replace("{modality}", "audio"), "eu-west-1")],
    ids=["names", "urls"],
)
def test_each_modality_watches_its_queue(configure, template, queue, region):
    """The modality stands in the queue's name; a URL's Region is that of the bucket, not of Airflow."""
    configure(uploads_queue=template, uploads_conn_id="other")

    (watcher,) = uploads.uploads_asset("audio").watchers

    assert (watcher.trigger.queue, watcher.trigger.region_name) == (queue, region)
    assert watcher.trigger.aws_conn_id == "other"
    others = {uploads.uploads_asset(name).name for name in ("text", "image", "video", "audio")}
    assert len(others) == 4


def test_one_queue_for_all_is_refused(configure):
    """Watchers of one queue would take each other's messages; the option is named, and what to write."""
    configure(uploads_queue="uploads")

    with pytest.raises(ValueError, match=r"\[nova_mme\] uploads_queue is 'uploads'.*\{modality\}"):
        uploads.schedule("text")


@pytest.mark.parametrize("queue", ["", NAMES], ids=["sweep", "both"])
def test_a_sweep_that_is_no_cron_expression_is_an_import_error(configure, tmp_path, queue):
    """It is told where DAG files that cannot be read are told, not found out by the scheduler."""
    from airflow.dag_processing.dagbag import DagBag

    configure(sweep="every day", uploads_queue=queue)
    file = tmp_path / "mine.py"
    file.write_text(
        "from airflow.sdk import DAG\n"
        "from nova_mme_airflow import uploads\n"
        "dag = DAG('mine', schedule=uploads.schedule('text'), catchup=False)\n"
    )

    bag = DagBag(str(file))

    (said,) = bag.import_errors.values()
    assert "AirflowTimetableInvalid" in said
    assert not bag.dags


_PROBE = """
import sys
import airflow.sdk
before = set(sys.modules)
from nova_mme_airflow import uploads
print(repr(uploads.schedule("text"))[:30])
heavy = ("boto3", "botocore", "aiobotocore", "numpy", "nova_mme.", "airflow.providers.amazon")
print(sorted(name for name in set(sys.modules) - before if name.startswith(heavy)))
"""


@pytest.mark.parametrize("queue", ["", NAMES], ids=["bare", "watching"])
def test_parsing_needs_no_aws(queue):
    """Neither on a bare configuration nor with a watcher is anything heavy imported, or a Variable asked for."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT / 'include'}"}
    environment |= {"AIRFLOW__NOVA_MME__UPLOADS_QUEUE": queue}

    done = subprocess.run(
        [sys.executable, "-c", _PROBE], env=environment, capture_output=True, text=True, check=True
    )

    kind, heavy = done.stdout.strip().splitlines()[-2:]
    assert kind.startswith("AssetOrTimeSchedule" if queue else "CronTriggerTimetable")
    assert heavy == "[]"
