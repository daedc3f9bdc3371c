"""One measured plan of a generated bucket against a generated ledger, in a fresh process: `... plan_run current 100000`.

Prints a JSON object: seconds, CPU seconds, the peak of resident memory, and what was counted. Listing and ledger
make everything up from a number, so that nothing of them is kept; making it up is part of what is measured,
S3's and DynamoDB's answers are not.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nova_mme.ledger import Ledger
from nova_mme.migration.price import PRICES
from nova_mme.migration.survey import Survey, survey
from nova_mme.modality import Modality
from nova_mme.run import Run
from nova_mme.source import Source
from nova_mme.space import Space

# As many as one wave of a backfill takes; each size has more than that due, so that all keep the same.
ROOM = 5_000

_WARM_UP = 2_000
_SPACE = Space()
_NEW_SPACE = Space(revision="next", first=False)
_RUNS = {
    modality: replace(Run.read(modality, {}), takes_stale=True)
    for modality in (Modality.VIDEO, Modality.IMAGE, Modality.AUDIO, Modality.TEXT, Modality.DOCUMENT)
}
_STALE = {
    Modality.VIDEO: Run.read(Modality.VIDEO, {"segment_seconds": 10}),
    Modality.AUDIO: Run.read(Modality.AUDIO, {"segment_seconds": 10}),
    Modality.TEXT: Run.read(Modality.TEXT, {"segment_characters": 8000}),
    Modality.DOCUMENT: Run.read(Modality.DOCUMENT, {"segment_characters": 8000}),
    Modality.IMAGE: Run.read(Modality.IMAGE, {"detail_level": "DOCUMENT_IMAGE"}),
}
_KINDS = (
    [("mp4", "VIDEO")] * 4 + [("jpg", "IMAGE")] * 3 + [("mp3", "AUDIO"), ("txt", "TEXT"), ("pdf", "IMAGE")]
)
_MODALITIES = [Modality.of_name(f"a.{suffix}") or Modality.TEXT for suffix, _ in _KINDS]
_FINGERPRINTS = [_RUNS[modality].recipe.fingerprint for modality in _MODALITIES]
_STALE_FINGERPRINTS = [_STALE[modality].recipe.fingerprint for modality in _MODALITIES]


def list_made_up(count: int) -> Iterator[Source]:
    """So many sources: videos, images, audio, texts and documents by turns."""
    for number in range(count):
        suffix, _ = _KINDS[number % 10]
        key = f"archive/{number // 1000:05}/item-{number:08}.{suffix}"
        yield Source(f"s3://media/{key}", f"{number:032x}", 1_000_000 + number % 1000, 1_700_000_000)


class MadeUpTables:
    """A DynamoDB resource, and its client, that knows of every hundred sources 97: 90 stored as they should be,
    4 with another recipe, 1 with other content, 2 failed. It keeps nothing; of the new space it knows none."""

    @property
    def meta(self) -> MadeUpTables:
        """Where a resource has its client."""
        return self

    @property
    def client(self) -> MadeUpTables:
        """Itself."""
        return self

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        """The items of these keys."""
        ((table, asked),) = RequestItems.items()
        found = (_make_item(key["object_id"], key["space"]) for key in asked["Keys"])
        return {"Responses": {table: [item for item in found if item]}}


def _make_item(object_id: str, space: str) -> dict[str, Any] | None:
    number = int(object_id[5:13])
    place = number // 10 % 100
    if place >= 97 or space != _SPACE.name:
        return None
    kind, is_stale = number % 10, 90 <= place < 94
    suffix, embedding_type = _KINDS[kind]
    item = {
        "object_id": object_id,
        "space": space,
        "uri": f"s3://media/archive/{number // 1000:05}/item-{number:08}.{suffix}",
        "etag": "other" if place == 94 else f"{number:032x}",
        "modality": _MODALITIES[kind].value,
        "recipe": (_STALE_FINGERPRINTS if is_stale else _FINGERPRINTS)[kind],
        "attempt": 1,
        "run": "embed/scheduled__2026-11-01T00:00:00+00:00",
        "invocation_arn": "arn:aws:bedrock:us-east-1:123456789012:async-invoke/0123456789ab",
        "media_format": suffix,
        "content_type": "application/octet-stream",
        "updated": 1_700_000_000,
    }
    if place >= 95:
        return item | {"status": "failed", "reason": "transient_service_error", "message": "busy"}
    extents = {embedding_type: 1 + number % 50}
    return item | {
        "status": "stored",
        "segments": extents,
        "counts": extents,
        f"reached_{embedding_type}": 50,
    }


def plan_made_up(way: str, count: int) -> Survey:
    """Plan so many sources: into the ``current`` space, where most are stored, or into a ``new`` one."""
    ledger = Ledger(MadeUpTables(), "ledger", _SPACE)
    target = ledger if way == "current" else replace(ledger, space=_NEW_SPACE)
    return survey(list_made_up(count), target=target, current=ledger, runs=_RUNS, prices=PRICES, room=ROOM)


def main() -> int:
    """Run, and print what it took."""
    parser = argparse.ArgumentParser(prog="plan_run", description=__doc__)
    parser.add_argument("way", choices=("current", "new"))
    parser.add_argument("sources", type=int)
    asked = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # Linux: one core, whatever else the machine has
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    plan_made_up(asked.way, _WARM_UP)
    before, start = time.process_time(), time.perf_counter()
    found = plan_made_up(asked.way, asked.sources)
    seconds, cpu = time.perf_counter() - start, time.process_time() - before
    due = found.estimate.sources
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": read_peak(), "due": due}))
    return 0


def read_peak() -> int:
    """Bytes of resident memory at their peak."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux getrusage has the parent's peak in it, as far as that was higher
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    # getrusage(2): kilobytes, but bytes on macOS.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    sys.exit(main())
