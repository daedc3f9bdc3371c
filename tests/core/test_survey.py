"""The planner of a backfill: what is due, what of it is taken, and what all of it costs."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from core.builders import make_run, make_source
from core.deployment import Deployment

from nova_mme.errors import Reason
from nova_mme.ledger import Ledger
from nova_mme.migration.price import PRICES
from nova_mme.migration.survey import Survey, survey
from nova_mme.modality import Modality
from nova_mme.run import Run
from nova_mme.shard import Work
from nova_mme.source import Source
from nova_mme.space import Space

_NEW = Space(revision="next", first=False)
_VIDEO = replace(make_run(Modality.VIDEO), takes_stale=True)
_IMAGE = replace(make_run(Modality.IMAGE), takes_stale=True)
_RUNS = {Modality.VIDEO: _VIDEO, Modality.IMAGE: _IMAGE}

# A minute of video, in segments of 5 s.
_MINUTE = {"AUDIO_VIDEO_COMBINED": 12}
_MINUTE_USD = 60 * PRICES.video_second


def _survey(
    sources: Iterable[Source],
    target: Ledger,
    current: Ledger | None = None,
    *,
    runs: Mapping[Modality, Run] = _RUNS,
    room: int = 100,
    **more: Any,
) -> Survey:
    return survey(sources, target=target, current=current, runs=runs, prices=PRICES, room=room, **more)


def _store(ledger: Ledger, source: Source, run: Run = _VIDEO, segments: Mapping[str, int] = _MINUTE) -> None:
    _start(ledger, source, run)
    ledger.stored(source, run.recipe, segments=segments)


def _start(ledger: Ledger, source: Source, run: Run = _VIDEO) -> None:
    ledger.submitted(
        source,
        run.recipe,
        attempt=1,
        invocation_arns=["arn:x"],
        media_format="mp4",
        content_type="",
        run="embed_video/r1",
    )


@pytest.fixture
def current(deployment: Deployment) -> Ledger:
    """The ledger of the active space."""
    return deployment.ledger


@pytest.fixture
def target(current: Ledger) -> Ledger:
    """The ledger of the space that is being built."""
    return replace(current, space=_NEW)


def _clips(count: int) -> list[Source]:
    return [make_source(f"{number:03}.mp4") for number in range(count)]


def test_a_new_space_wants_everything_as_long_as_it_was_in_the_old(current: Ledger, target: Ledger) -> None:
    """What the active space's rows tell is exact; what they do not is rough."""
    known, unknown = make_source("known.mp4"), make_source("unknown.mp4", size=250_000)
    _store(current, known)

    found = _survey([known, unknown], target, current)

    assert found.works == {Modality.VIDEO: [Work(known, 1, "new"), Work(unknown, 1, "new")]}
    assert found.counts == {"new": 2}
    assert (found.estimate.segments, found.estimate.rough) == (13, 1)
    assert found.estimate.usd == pytest.approx(_MINUTE_USD + PRICES.video_second)


def test_what_the_new_space_has_is_not_done_again(current: Ledger, target: Ledger) -> None:
    """A backfill that is run again goes on where it was."""
    clips = _clips(3)
    for clip in clips:
        _store(current, clip)
    _store(target, clips[1])

    found = _survey(clips, target, current)

    assert [work.source for work in found.works[Modality.VIDEO]] == [clips[0], clips[2]]
    assert found.counts == {"new": 2, "unchanged": 1}
    assert found.estimate.usd == pytest.approx(2 * _MINUTE_USD)


def test_another_recipe_in_place_costs_by_the_same_rows(current: Ledger) -> None:
    """Ten seconds instead of five: half the segments, the same dollars. There is no second space to ask."""
    (clip,) = _clips(1)
    _store(current, clip)
    runs = {Modality.VIDEO: make_run(Modality.VIDEO, segment_seconds=10)}

    for beside in (current, None):
        found = _survey([clip], current, beside, runs=runs)
        assert found.counts == {"stale_recipe": 1}
        assert (found.estimate.segments, found.estimate.rough) == (6, 0)
        assert found.estimate.usd == pytest.approx(_MINUTE_USD)


def test_a_job_that_was_started_costs_nothing_more(current: Ledger, target: Ledger) -> None:
    """So it is taken though the budget is at its end; one that another run will store is left to that run."""
    clips = _clips(2)
    for clip in clips:
        _store(current, clip)
    _start(target, clips[1])

    found = _survey(clips, target, current, budget_usd=0)

    assert found.works == {Modality.VIDEO: [Work(clips[1], 1, "adopted", ("arn:x",))]}
    assert (found.left, found.over_budget, found.taken.usd) == (1, 1, 0)
    assert found.left_usd == pytest.approx(_MINUTE_USD)
    assert _survey(clips, target, current, is_running=lambda run: True).counts == {"new": 1, "in_flight": 1}


def test_no_more_is_taken_than_there_is_room_for(target: Ledger) -> None:
    """The first of the listing, of whatever modality; all of it is estimated."""
    sources = [make_source(f"{number}.{suffix}") for number in range(4) for suffix in ("jpg", "mp4")]

    found = _survey(sources, target, room=3)

    assert [work.source.name for work in found.works[Modality.IMAGE]] == ["0.jpg", "1.jpg"]
    assert [work.source.name for work in found.works[Modality.VIDEO]] == ["0.mp4"]
    assert (found.taken.sources, found.estimate.sources, found.left, found.over_budget) == (3, 8, 5, 0)
    assert found.counts == {"new": 8}


@pytest.mark.parametrize(("budget", "taken"), [(2.99, 2), (3, 3), (3.5, 3), (0, 0), (None, 5)])
def test_the_dollars_of_what_is_taken_fit_the_budget(
    target: Ledger, current: Ledger, budget: float | None, taken: int
) -> None:
    """Counted in clips of one minute; what does not fit is left, and said to be over the budget."""
    clips = _clips(5)
    for clip in clips:
        _store(current, clip)
    money = None if budget is None else budget * _MINUTE_USD

    found = _survey(clips, target, current, budget_usd=money)

    assert (found.taken.sources, found.left, found.over_budget) == (taken, 5 - taken, 5 - taken)
    assert found.estimate.usd == pytest.approx(5 * _MINUTE_USD)


def test_a_source_that_is_too_dear_keeps_no_other_out(target: Ledger, current: Ledger) -> None:
    """The film comes first in the listing and does not fit; the pictures do."""
    film, picture = make_source("a.mp4"), make_source("b.jpg")
    _store(current, film)

    found = _survey([film, picture], target, current, budget_usd=0.01)

    assert found.works == {Modality.IMAGE: [Work(picture, 1, "new")]}
    assert (found.left, found.over_budget) == (1, 1)


def test_what_there_is_no_room_for_is_not_over_the_budget(target: Ledger) -> None:
    """The picture takes the only place; the clip behind it would not have fitted either, but was not asked."""
    found = _survey([make_source("a.jpg"), make_source("b.mp4")], target, room=1, budget_usd=0.00006)

    assert (found.taken.sources, found.left, found.over_budget) == (1, 1, 0)


def test_what_was_not_asked_for_is_counted(target: Ledger) -> None:
    """Other modalities, other dates, and files that are of no modality, which are named."""
    old = replace(make_source("old.jpg"), modified=5)
    runs = {Modality.IMAGE: make_run(Modality.IMAGE, modified_from="1970-01-01T00:00:10Z")}

    found = _survey([old, *map(make_source, ("a.jpg", "a.mp4", "a.zip"))], target, runs=runs)

    assert found.counts == {"other_dates": 1, "new": 1, "other_modality": 1, "unsupported": 1}
    assert found.unknown == ["s3://media/a.zip"]
    assert found.estimate.sources == 1


def test_a_dead_letter_is_not_due(target: Ledger) -> None:
    """Nor does it cost anything."""
    clip = make_source("broken.mp4")
    target.failed(clip, _VIDEO.recipe, attempt=1, reason=Reason.BROKEN, message="")

    found = _survey([clip], target)

    assert (found.counts, found.estimate.usd, found.works) == ({"dead_letter": 1}, 0, {})


def test_every_row_of_a_long_listing_is_found(
    deployment: Deployment, target: Ledger, current: Ledger
) -> None:
    """Over several pages, each read in several batches at a time, and no row read twice."""
    clips = _clips(1250)
    for clip in clips[::50]:
        _store(target, clip)
    with deployment.record("dynamodb_client") as sent:
        found = _survey(clips, target, current, room=2000)

    asked = [key["object_id"] for call in sent for key in call.params["RequestItems"]["ledger"]["Keys"]]
    assert found.counts == {"new": 1225, "unchanged": 25}
    assert [work.source for work in found.works[Modality.VIDEO]] == [
        clip for number, clip in enumerate(clips) if number % 50
    ]
    assert len(asked) == 1250 + 1225
    assert {name for name in asked if asked.count(name) == 2} == {
        work.source.object_id for work in found.works[Modality.VIDEO]
    }


class _NoRows:
    """A DynamoDB resource, and its client, that has no rows and keeps nothing."""

    @property
    def meta(self) -> _NoRows:
        """Where a resource has its client."""
        return self

    @property
    def client(self) -> _NoRows:
        """Itself."""
        return self

    def batch_get_item(self, **_: Any) -> dict[str, Any]:
        """Nothing."""
        return {"Responses": {}}


def test_memory_is_that_of_the_room_and_not_of_the_bucket() -> None:
    """Five times the bucket, all of it due, and the same peak."""
    ledger, peaks = Ledger(_NoRows(), "ledger", _NEW), list[int]()
    for count in (500, 2_000, 10_000):  # the first one warms caches up
        tracemalloc.start()
        found = _survey(_listing(count), ledger, room=50)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (found.estimate.sources, found.left) == (count, count - 50)

    assert peaks[2] < 1.1 * peaks[1]


def _listing(count: int) -> Iterator[Source]:
    return (make_source(f"{number}.mp4") for number in range(count))
