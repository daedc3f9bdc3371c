"""reconcile_embeddings where there are several spaces: each is compared, mended, guarded and told of by its name."""

from __future__ import annotations

from dataclasses import replace
from functools import partialmethod
from typing import Any

import numpy as np
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from botocore.exceptions import ClientError
from core.stocked import keys_of, take
from core.two_spaces import NEXT, date_back, put, store
from shell.reconciling_run import REAL, Run, Spaces, open_run

from nova_mme.reconcile.comparison import Listing
from nova_mme.reconcile.repair import Repair
from nova_mme.row import Status
from nova_mme.source import Source
from nova_mme.space import DIMENSIONS
from nova_mme.space_registry import SpaceRegistry

KINDS = ("departed", "orphan", "hole", "stale")
ROOM = {"max_deleted_fraction": 0.7}
STRANGER = Source("s3://media/stranger.txt", "e", 1, 0)


@pytest.fixture
def run(account, monkeypatch) -> Run:
    """A deployment that is in step."""
    return open_run(account, monkeypatch)


@pytest.fixture
def spaces(run: Run) -> Spaces:
    """The same, with a second space that is being built."""
    return Spaces(run)


def find(part: dict[str, Any]) -> dict[str, int]:
    """How many of each kind a space has; those with none are left out."""
    return {kind: part["counts"][kind] for kind in KINDS if part["counts"].get(kind)}


def test_a_deleted_object_goes_from_every_space(run: Run, spaces: Spaces) -> None:
    """From all eight indexes and both ledgers; the counts are the two spaces' together, the objects count once."""
    gone, *left = run.sources
    run.delete("red.txt")

    compared = run.compare(**ROOM)
    run.mend(compared, **REAL, **ROOM)
    summary = run.report(compared, **REAL)

    assert [part["space"] for part in compared["spaces"]] == [spaces.active.name, NEXT.name]
    assert [find(part) for part in compared["spaces"]] == [{"departed": 1}] * 2
    assert (summary["departed"], summary["objects"], summary["sources"]) == (2, 2, 6)
    assert summary["mended"] == {"removed": 2, "vectors_deleted": 24, "left_alone": 0}
    kept = keys_of(left[0]) | keys_of(left[1])
    assert all(
        keys == kept
        for dimension in DIMENSIONS
        for keys in (run.deployment.keys(dimension), spaces.keys(dimension))
    )
    assert gone.uri not in spaces.statuses()
    assert [find(part) for part in run.compare()["spaces"]] == [{}, {}]


def test_each_space_has_findings_of_its_own(run: Run, spaces: Spaces) -> None:
    """The active one's in the run's folder, as ever, the other's below it; one report tells of both."""
    spaces.add(STRANGER)
    take(run.deployment, 1024, f"{run.sources[0].object_id}/TEXT/0")

    compared = run.compare()
    with pytest.raises(AirflowSkipException) as skipped:
        run.mend(compared)
    summary = run.report(compared)

    first, second = compared["spaces"]
    assert (find(first), find(second)) == ({"hole": 1}, {"orphan": 4})
    assert compared["findings_uri"] == first["findings_uri"] == f"{compared['folder']}/findings.md"
    assert second["findings_uri"] == f"{compared['folder']}/{NEXT.name}/findings.md"
    assert first["findings_uri"] in str(skipped.value)
    assert second["findings_uri"] in str(skipped.value)
    assert NEXT.name not in run.read(first["findings_uri"])
    assert f"Of the space `{NEXT.name}`, which is being built" in run.read(second["findings_uri"])
    page = run.read(summary["report_uri"])
    assert page.index(f"`{spaces.active.name}` (active)") < page.index(f"`{NEXT.name}` (building)")
    assert "found: 0 departed, 0 orphan, 1 hole, 0 stale" in page
    assert "found: 0 departed, 4 orphan, 0 hole, 0 stale" in page


def test_an_orphan_and_a_hole_in_the_space_that_is_built(run: Run, spaces: Spaces) -> None:
    """The one is deleted, the other's row opened for the next backfill; the active space is not touched."""
    before = run.deployment.all_keys()
    holed = run.sources[0]
    spaces.add(STRANGER)
    spaces.take(384, f"{holed.object_id}/TEXT/1")

    run.mend(run.compare(**ROOM), **REAL, **ROOM)

    assert f"{STRANGER.object_id}/TEXT/0" not in spaces.keys(3072)
    assert [uri for uri, status in spaces.statuses().items() if status == Status.SUBMITTED] == [holed.uri]
    assert run.deployment.all_keys() == before
    assert {row.status for row in run.deployment.ledger.scan()} == {Status.STORED}


def test_what_the_backfill_has_yet_to_bring_is_no_finding(run: Run, spaces: Spaces) -> None:
    """A source that only the active space knows."""
    later = run.sources[0]
    spaces.next.store.delete(keys_of(later))
    spaces.next.ledger.remove(spaces.next.ledger.rows([later])[later.object_id])

    assert [find(part) for part in run.compare()["spaces"]] == [{}, {}]


def test_in_a_kept_space_only_deletions_matter(run: Run, spaces: Spaces) -> None:
    """What a rollback would bring back goes; what nobody would store again stays as it is."""
    gone, holed, stale = run.sources
    spaces.registry.retire(NEXT.name, keep_days=30)
    run.delete("red.txt")
    spaces.add(STRANGER)
    spaces.take(1024, f"{holed.object_id}/TEXT/0")
    put(spaces.next, [Source(stale.uri, "older", 1, 0)], np.ones((1, 3072)), dimensions=[256])

    compared = run.compare(**ROOM)
    run.mend(compared, **REAL, **ROOM)

    part = compared["spaces"][1]
    assert (part["state"], find(part)) == ("kept", {"departed": 1, "orphan": 4})
    assert "holes and stale vectors were not looked for" in run.read(part["findings_uri"])
    assert spaces.statuses() == {holed.uri: "stored", stale.uri: "stored"}
    assert spaces.keys(256) == keys_of(holed) | keys_of(stale)
    assert gone.object_id not in "".join(spaces.keys(3072))


def test_a_space_that_is_kept_by_then_has_nothing_opened(run: Run, spaces: Spaces) -> None:
    """It was given up between the two tasks: the hole stays, the orphan goes."""
    spaces.add(STRANGER)
    spaces.take(384, f"{run.sources[0].object_id}/TEXT/1")
    compared = run.compare(**ROOM)
    spaces.registry.retire(NEXT.name, keep_days=30)

    mended = run.mend(compared, **REAL, **ROOM)

    assert mended["spaces"][NEXT.name]["vectors_deleted"] == 4
    assert set(spaces.statuses().values()) == {"stored"}


def test_the_guard_names_the_space(run: Run, spaces: Spaces) -> None:
    """Too much in one space holds all of them up; the sentence and the page are that space's."""
    for source in run.sources[1:]:
        spaces.next.store.delete(keys_of(source))
        spaces.next.ledger.remove(spaces.next.ledger.rows([source])[source.object_id])
    run.delete("red.txt")
    before = spaces.everything()
    compared = run.compare(max_deleted_fraction=0.5)

    with pytest.raises(AirflowFailException) as refusal:
        run.mend(compared, **REAL, max_deleted_fraction=0.5)

    (objection,) = compared["objections"]
    assert objection.startswith(f"In the space {NEXT.name} (building), 1 of 1 sources that have vectors")
    assert objection in str(refusal.value)
    assert f"Read {compared['spaces'][1]['findings_uri']}." in str(refusal.value)
    assert spaces.everything() == before
    assert run.mend(compared, **REAL, force=True)["removed"] == 2


def test_the_bucket_is_listed_once(run: Run, spaces: Spaces, account: Any) -> None:
    """However many spaces there are."""
    before = account.calls("s3.ListObjectsV2")

    run.compare()

    assert account.calls("s3.ListObjectsV2") == before + 1


def test_a_source_that_came_after_the_listing_has_not_departed(
    run: Run, spaces: Spaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored while the active space was compared: the next one's rows are held against the listing's moment."""
    for source in run.sources:
        date_back(spaces.next, source, 120)
    listing = Listing.take(run.deployment.settings, run.deployment.s3)
    early = replace(listing, started=listing.started - 60)
    monkeypatch.setattr(Listing, "take", lambda *_: early)
    store(spaces.next, [run.deployment.upload("late.txt", b"Late.")], np.ones((1, 3072)))

    part = run.compare()["spaces"][1]

    assert find(part) == {}
    assert part["counts"]["in_motion"] == 1


def test_a_space_that_is_being_deleted_is_left_alone(run: Run, spaces: Spaces) -> None:
    """Before the comparison, or after it: its indexes and rows are on their way out."""
    spaces.add(STRANGER)
    compared = run.compare(**ROOM)
    spaces.begin_deletion()

    run.mend(compared, **REAL, **ROOM)
    summary = run.report(compared, **REAL)

    assert f"{STRANGER.object_id}/TEXT/0" in spaces.keys(3072)
    assert "left alone, for it was being deleted by then" in run.read(summary["report_uri"])
    assert [part["space"] for part in run.compare()["spaces"]] == [spaces.active.name]


def test_a_space_whose_deletion_outruns_the_comparison_is_left_out(
    run: Run, spaces: Spaces, monkeypatch
) -> None:
    """An index that is missing since the space is being deleted is no trouble."""
    taken = Listing.take

    def take_and_delete(*about: Any) -> Listing:
        spaces.begin_deletion()
        spaces.drop_index(256)
        return taken(*about)

    monkeypatch.setattr(Listing, "take", take_and_delete)

    assert [part["space"] for part in run.compare()["spaces"]] == [spaces.active.name]


def test_an_index_that_another_space_lacks_fails_the_run_at_its_end(run: Run, spaces: Spaces) -> None:
    """The active space is mended all the same, and its counts are kept; the sentence names the space."""
    run.delete("red.txt")
    spaces.drop_index(384)

    compared = run.compare(**ROOM)
    mended = run.mend(compared, **REAL, **ROOM)
    with pytest.raises(AirflowFailException) as failure:
        run.report(compared, **REAL)

    assert mended["removed"] == 1
    assert list(mended["spaces"]) == [spaces.active.name]
    assert f"The space {NEXT.name} was left alone. There is no index" in str(failure.value)
    assert "setup_embeddings" in str(failure.value)
    summary = run.xcoms["return_value"]
    assert summary["mended"]["removed"] == 1
    assert "could not be compared to the end" in run.read(summary["report_uri"])


def test_a_space_that_was_only_registered_is_no_trouble(run: Run) -> None:
    """Its indexes are made after it is; without a row nothing can be missing."""
    SpaceRegistry(run.deployment.dynamodb, "ledger", run.deployment.settings.space).build(NEXT, {})

    compared = run.compare()
    run.mend(compared, **REAL)

    assert [find(part) for part in compared["spaces"]] == [{}, {}]
    assert run.report(compared, **REAL)["objections"] == []


def test_a_space_whose_deletion_outruns_the_mending_is_left_out(
    run: Run, spaces: Spaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was to be deleted went with its index; an index that is missing without a deletion is an error."""
    spaces.add(STRANGER)
    compared = run.compare(**ROOM)
    mended = Repair.run

    def lose_index_and_run(repair: Repair, folder: Any, *, delete: bool) -> Any:
        if repair.store.space == NEXT:
            if delete:
                spaces.begin_deletion()
            spaces.next.store.drop()
        return mended(repair, folder)

    monkeypatch.setattr(Repair, "run", partialmethod(lose_index_and_run, delete=False))
    with pytest.raises(ClientError, match="NotFoundException"):
        run.mend(compared, **REAL, **ROOM)
    monkeypatch.setattr(Repair, "run", partialmethod(lose_index_and_run, delete=True))

    assert list(run.mend(compared, **REAL, **ROOM)["spaces"]) == [spaces.active.name]
