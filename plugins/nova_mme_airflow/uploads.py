"""When the embedding DAGs run by themselves: soon after uploads, and once a day for what no event told of.

Both come from Airflow's own configuration, section ``nova_mme``, which is there when a DAG file is parsed:

* ``uploads_queue``: name or URL of the SQS queues of S3 events, with ``{modality}`` in it. Not set: nothing is watched.
* ``uploads_conn_id``: the connection to them, ``aws_default`` by default.
* ``sweep``: a cron expression in UTC, daily by default; empty for none. Without one Airflow makes no backfills.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, AssetOrTimeSchedule, AssetWatcher, CronTriggerTimetable
from airflow.sdk.configuration import conf

from nova_mme_airflow.upload_trigger import NovaMMEUploadsTrigger

SECTION = "nova_mme"
SWEEP = "17 3 * * *"  # once a day, at a minute that few others have

_PLACE = "{modality}"


def schedule(modality: str) -> Any:
    """What ``embed_<modality>`` has as its schedule: a sweep, or uploads, or both, or None.

    :raises ValueError: for queues whose name does not tell the modalities apart.
    :raises AirflowTimetableInvalid: for a sweep that is no cron expression.
    """
    timetable, asset = sweep(), uploads_asset(modality)
    if timetable and asset:
        return AssetOrTimeSchedule(timetable=timetable, assets=[asset])
    return timetable or ([asset] if asset else None)


def sweep() -> CronTriggerTimetable | None:
    """The schedule of the sweep; each run's data interval is the day before it, which backfills go by.

    :raises AirflowTimetableInvalid: for what is no cron expression.
    """
    cron = _read("sweep", SWEEP)
    if not cron:
        return None
    # Zero, not False: with that, Airflow takes a DAG that is unpaused within a tenth of the period after a sweep's
    # time, 2.4 hours, to be late, and sweeps at once.
    timetable = CronTriggerTimetable(
        cron, timezone="UTC", interval=timedelta(days=1), run_immediately=timedelta(0)
    )
    timetable.validate()  # AssetOrTimeSchedule does not, and the scheduler would stumble on it
    return timetable


def uploads_asset(modality: str) -> Asset | None:
    """The uploads of a modality, as an asset that a trigger watches; None when no queue is configured."""
    template = _read("uploads_queue", "")
    if not template:
        return None
    if _PLACE not in template:
        raise ValueError(
            f"Airflow's option [{SECTION}] uploads_queue is {template!r}. Each modality has a queue of its own, so "
            f"put {_PLACE} where their names differ, as in nova-mme-uploads-{_PLACE}."
        )
    queue = template.replace(_PLACE, modality)
    trigger = NovaMMEUploadsTrigger(
        queue=queue, aws_conn_id=_read("uploads_conn_id", "aws_default"), region_name=_region_of(queue)
    )
    return Asset(
        name=f"nova_mme_uploads_{modality}",
        watchers=[AssetWatcher(name=f"{modality}_queue", trigger=trigger)],
    )


def _region_of(queue: str) -> str | None:
    """The Region in a queue's URL: S3's queues are in the bucket's Region, Airflow need not be."""
    found = re.match(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.", queue)
    return found[1] if found else None


def _read(option: str, default: str) -> str:
    return str(conf.get(SECTION, option, fallback=default) or "").strip()
