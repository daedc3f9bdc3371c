"""The model is changed on a real Airflow, with a kill, an upload and a deletion in the middle; and back, and for good."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.campaign import ASKING, FIRST, NEXT, Change
from e2e.conftest import Deployment
from e2e.faults import open_stack, until
from local.media_files import PICTURES, picture

from nova_mme.space import DIMENSIONS
from nova_mme.space_member import State
from nova_mme_local.stack import Stack

pytestmark = pytest.mark.e2e

TEXTS = 5
SLOW = {"operation": "bedrock-runtime.StartAsyncInvoke", "delay_seconds": 1.0, "probability": 1}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that notices soon what was killed."""
    with open_stack(tmp_path_factory.mktemp("stack"), job_seconds=1.0) as running:
        yield running


@pytest.fixture(scope="module")
def change(ready: Deployment) -> Change:
    """A deployment with texts and pictures in its one space."""
    change = Change(ready)
    change.put_texts("story", TEXTS)
    for number, kind in enumerate(PICTURES[:2]):
        ready.put(f"story/{number}.png", picture(kind))
    runs = {modality: ready.start(f"embed_{modality}") for modality in ("text", "image")}
    stored = {modality: ready.finish(f"embed_{modality}", run)[1]["stored"] for modality, run in runs.items()}
    assert stored == {"text": TEXTS, "image": 2}
    return change


def test_the_model_is_changed(change: Change) -> None:
    """Asked first, killed in the middle, uploaded to and deleted from meanwhile: all are there, for one job each."""
    old = sorted(change.rows(FIRST))
    run_id = change.start(
        target_model_id=NEXT.model_id, approval_threshold_usd=0.00001, cutover="when_gate_passes"
    )
    change.task(run_id, "approve").await_state(*ASKING)
    assert change.states == {FIRST.name: State.ACTIVE}
    assert change.indexes() == {FIRST.index_name(dimension) for dimension in DIMENSIONS}
    assert set(change.jobs(NEXT, old).values()) == {0}

    change.site.set_faults(SLOW)
    change.approve(run_id)
    until(lambda: len(change.rows(NEXT, prefix="story/")) >= 2, "two jobs", every=0.1)
    task = change.task(run_id, "shard.submit", 0)
    task.kill()
    gone = f"s3://nova-mme-media/story/{TEXTS - 1}.txt"
    assert len([uri for uri in change.rows(NEXT) if uri.endswith(".txt")]) < TEXTS
    change.delete_object(gone)
    change.site.set_faults()
    new = change.put_text("story/new.txt", TEXTS)
    assert change.site.embed("text")["stored"] == 1
    state, report = change.finish(run_id)

    assert state == "success", report
    assert task.look()["try_number"] >= 2
    assert (report["verdict"]["passed"], report["cut_over_to"]) == (True, NEXT.name)
    assert change.states == {FIRST.name: State.KEPT, NEXT.name: State.ACTIVE}
    change.assert_reads(NEXT)
    kept = [uri for uri in [*old, new] if uri != gone]
    change.assert_holds(NEXT, kept)
    change.assert_holds(FIRST, [*old, new])
    assert change.jobs(NEXT, kept) == dict.fromkeys(kept, 1)
    assert change.jobs(FIRST, [*old, new]) == dict.fromkeys([*old, new], 1)


def test_it_is_taken_back_and_made_good(change: Change) -> None:
    """Rolled back, the old space is whole; cut over again without days to keep it, it is gone, and the new one is not."""
    old, new = change.rows(FIRST), change.rows(NEXT)
    stored = {space: change.keys(space) for space in (FIRST, NEXT)}
    calls = change.site.calls()["bedrock-runtime.StartAsyncInvoke"]

    rolled, caught_up = change.follow(change.start(action="rollback"))

    assert rolled["did"]["roll_back"] == FIRST.name
    assert (caught_up["planned"]["space"], caught_up["planned"]["due"]) == (FIRST.name, 0)
    assert change.states == {FIRST.name: State.ACTIVE, NEXT.name: State.KEPT}
    change.assert_reads(FIRST)
    assert change.keys(FIRST) == stored[FIRST]
    assert change.rows(FIRST) == old

    report = change.run(action="cutover", target_model_id=NEXT.model_id, keep_days=0)

    assert report["cut_over_to"] == NEXT.name
    assert change.states == {NEXT.name: State.ACTIVE}
    change.assert_reads(NEXT)
    assert change.indexes() == {NEXT.index_name(dimension) for dimension in DIMENSIONS}
    assert change.keys(NEXT) == stored[NEXT]
    assert (change.rows(FIRST), change.rows(NEXT)) == ({}, new)
    assert change.site.calls()["bedrock-runtime.StartAsyncInvoke"] == calls
