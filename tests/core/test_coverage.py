"""Completeness: how a source stands, whatever bucket, old and new ledger say of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from core.builders import make_vectors
from core.deployment import Deployment
from core.stocked import RECIPE, after_call
from core.two_spaces import TwoSpaces, date_back, start, store

from nova_mme.errors import Reason
from nova_mme.migration.coverage import Absence, Coverage, CoverageCheck, Standing
from nova_mme.migration.draw import Draw
from nova_mme.source import Source

_VECTORS = make_vectors(1)
_DAYS = 2 * 24 * 3600


@pytest.fixture
def two(deployment: Deployment) -> TwoSpaces:
    """Two spaces, nothing in them."""
    two = TwoSpaces(deployment)
    two.new.store.ensure()
    return two


def _cover(two: TwoSpaces, since: float | None = None) -> Coverage:
    deployment = two.deployment
    return CoverageCheck(deployment.settings, deployment.s3, two.old, two.new, Draw(10), since).run()


def _standings(coverage: Coverage) -> dict[str, int]:
    return {name: count for name, count in coverage.tally.items() if count}


def _in_both(two: TwoSpaces, key: str = "a.txt") -> Source:
    source = two.upload(key, "text")
    store(two.old, [source], _VECTORS)
    store(two.new, [source], _VECTORS)
    return source


def _nothing(two: TwoSpaces, source: Source) -> None:
    """It is as it was."""


def _forget(two: TwoSpaces, source: Source) -> None:
    two.forget(two.new, source)


def _start_new(two: TwoSpaces, source: Source) -> None:
    start(two.new, source)


def _abandon_new(two: TwoSpaces, source: Source) -> None:
    start(two.new, source)
    date_back(two.new, source, _DAYS)


def _fail_new(two: TwoSpaces, source: Source) -> None:
    two.new.ledger.failed(source, RECIPE, attempt=1, reason=Reason.BROKEN, message="It ends half-way.")


def _empty_new(two: TwoSpaces, source: Source) -> None:
    two.new.ledger.stored(source, RECIPE, segments={})


def _delete(two: TwoSpaces, source: Source) -> None:
    two.delete(source)


def _delete_unembedded(two: TwoSpaces, source: Source) -> None:
    _forget(two, source)
    two.delete(source)


def _change_both(two: TwoSpaces, source: Source) -> None:
    two.upload("a.txt", "other text")


def _change_ahead(two: TwoSpaces, source: Source) -> None:
    store(two.new, [two.upload("a.txt", "other text")], _VECTORS)


def _change_behind(two: TwoSpaces, source: Source) -> None:
    store(two.old, [two.upload("a.txt", "other text")], _VECTORS)


def _restart_old(two: TwoSpaces, source: Source) -> None:
    _forget(two, source)
    start(two.old, source)


def _fail_old(two: TwoSpaces, source: Source) -> None:
    _forget(two, source)
    two.old.ledger.failed(source, RECIPE, attempt=1, reason=Reason.BROKEN, message="It ends half-way.")


def _partial_both(two: TwoSpaces, source: Source) -> None:
    for side in (two.old, two.new):
        store(side, [source], _VECTORS, failed=1)


@pytest.mark.parametrize(
    ("happen", "expected"),
    [
        (_nothing, Standing.PRESENT),
        (_partial_both, Standing.PRESENT),
        (_forget, Standing.MISSING),
        (_abandon_new, Standing.MISSING),
        (_empty_new, Standing.MISSING),
        (_fail_new, Standing.FAILED),
        (_start_new, Standing.IN_MOTION),
        (_restart_old, Standing.IN_MOTION),
        (_change_both, Standing.PRESENT),
        (_change_ahead, Standing.PRESENT),
        (_change_behind, Standing.OUTDATED),
        (_delete, Standing.DEPARTED),
        (_delete_unembedded, Standing.DEPARTED),
        (_fail_old, Standing.UNSEARCHABLE),
    ],
)
def test_how_a_source_stands(
    two: TwoSpaces, happen: Callable[[TwoSpaces, Source], None], expected: Standing
) -> None:
    """Stored in both spaces, and then something happens to it."""
    happen(two, _in_both(two))

    assert _standings(_cover(two)) == {expected: 1}


def test_a_new_upload_is_on_its_way_into_both(two: TwoSpaces) -> None:
    """Nobody finds it today: a cutover loses nothing, and does not wait for it."""
    source = two.upload("new.txt", "text")
    start(two.old, source)
    start(two.new, source)
    two.upload("newer.txt", "not planned yet")

    coverage = _cover(two)

    assert _standings(coverage) == {Standing.ARRIVING: 1}
    assert (coverage.eligible, coverage.share) == (0, 1.0)


@pytest.mark.parametrize("happen", [_forget, _change_behind])
def test_what_changed_since_the_catch_up_is_in_motion(
    two: TwoSpaces, happen: Callable[[TwoSpaces, Source], None]
) -> None:
    """The next catch-up takes it up; what it has left behind is missing."""
    source = _in_both(two)
    happen(two, source)

    assert _standings(_cover(two, since=source.modified - 60)) == {Standing.IN_MOTION: 1}
    assert Standing.IN_MOTION not in _standings(_cover(two, since=source.modified + 60))


def test_an_object_or_a_row_that_changed_is_enough(two: TwoSpaces) -> None:
    """It was uploaded since, and not stored again yet; or stored again since, for another recipe."""
    source = _in_both(two)
    _forget(two, source)

    date_back(two.old, source, 3600)
    assert _standings(_cover(two, since=source.modified - 60)) == {Standing.IN_MOTION: 1}
    date_back(two.old, source, -7200)
    assert _standings(_cover(two, since=source.modified + 60)) == {Standing.IN_MOTION: 1}


def test_a_source_outside_of_the_source_uri_is_told(two: TwoSpaces) -> None:
    """It can be found today, and no backfill takes it up."""
    stranger = Source("s3://elsewhere/a.txt", "v1", 1, 1)
    store(two.old, [stranger], _VECTORS)

    assert _standings(_cover(two)) == {Standing.OUTSIDE: 1}


def test_the_absent_are_named_with_what_to_do(two: TwoSpaces) -> None:
    """Twenty of a kind, though all of them are counted."""
    for number in range(22):
        store(two.old, [two.upload(f"{number}.txt", "text")], _VECTORS)
    failed = _in_both(two, "broken.txt")
    _fail_new(two, failed)

    coverage = _cover(two)

    assert _standings(coverage) == {Standing.MISSING: 22, Standing.FAILED: 1}
    assert (coverage.eligible, coverage.present, coverage.share) == (23, 0, 0.0)
    missing = [item for item in coverage.absences if item.standing is Standing.MISSING]
    assert (len(missing), len({item.uri for item in missing})) == (20, 20)
    assert coverage.absences[-1] == Absence(
        failed.uri, Standing.FAILED, Reason.BROKEN, "It ends half-way.", Reason.BROKEN.next_step
    )


def test_the_model_may_have_failed_segments_in_the_new_space_only(two: TwoSpaces) -> None:
    """It is present, and told."""
    source = _in_both(two)
    store(two.new, [source], _VECTORS, failed=1)

    coverage = _cover(two)

    assert (_standings(coverage), coverage.partial) == ({Standing.PRESENT: 1}, 1)


def test_present_ones_are_drawn(two: TwoSpaces) -> None:
    """Their rows in the old space, and no others."""
    sources = [_in_both(two, f"{name}.txt") for name in "abc"]
    two.forget(two.new, sources[0])

    drawn = _cover(two).drawn

    assert sorted(row.uri for row in drawn) == [sources[1].uri, sources[2].uri]
    assert {row.space for row in drawn} == {two.old.store.space.name}


@pytest.mark.parametrize(
    ("happen", "expected"),
    [
        (lambda two, source: store(two.new, [source], _VECTORS), {Standing.PRESENT: 1}),
        (lambda two, source: two.forget(two.old, source), {Standing.DEPARTED: 1}),
        (lambda two, source: two.delete(source), {Standing.DEPARTED: 1}),
    ],
)
def test_what_is_absent_is_looked_up_once_more(two: TwoSpaces, happen: Any, expected: dict[str, int]) -> None:
    """It was stored, or removed, after the new space's rows had been read."""
    source = two.upload("a.txt", "text")
    store(two.old, [source], _VECTORS)
    scans = two.deployment.dynamodb_client

    # After the second scan: the old space's rows, too, have been read.
    with after_call(scans, "Scan", lambda: _arm(scans, lambda: happen(two, source))):
        coverage = _cover(two)

    assert (_standings(coverage), coverage.absences) == (expected, [])


def _arm(client: Any, happen: Callable[[], Any]) -> None:
    def once(**_: Any) -> None:
        client.meta.events.unregister("after-call.*.Scan", once)
        happen()

    client.meta.events.register("after-call.*.Scan", once)
