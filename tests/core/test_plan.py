"""Planning: what is due and why, decided source by source against the ledger."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from core.builders import make_run, make_source
from core.deployment import Deployment

from nova_mme.errors import Reason
from nova_mme.modality import Modality
from nova_mme.plan import MAX_ATTEMPTS, decide, make_plan, request_parts
from nova_mme.recipe import Recipe
from nova_mme.row import Row, Status
from nova_mme.shard import Work
from nova_mme.source import Source

_SOURCE = make_source("a.txt", etag="v2")
_RUN = make_run()
_FORCED = make_run(force=True)


def _row(status: Status, reason: Reason | None = None, **changes: Any) -> Row:
    values = {
        "object_id": _SOURCE.object_id,
        "space": "space",
        "uri": _SOURCE.uri,
        "etag": _SOURCE.etag,
        "recipe": _RUN.recipe.fingerprint,
        "status": status,
        "reason": reason,
        "attempt": 1,
    }
    return Row(**{**values, **changes})


@pytest.mark.parametrize(
    ("row", "plain", "forced"),
    [
        pytest.param(None, (1, "new"), (1, "new"), id="unknown"),
        pytest.param(_row(Status.STORED), "unchanged", (2, "forced"), id="stored"),
        pytest.param(_row(Status.STORED, attempt=4), "unchanged", (5, "forced"), id="stored by attempt 4"),
        pytest.param(_row(Status.STORED, etag="v1", attempt=3), (1, "changed"), (1, "changed"), id="changed"),
        pytest.param(
            _row(Status.STORED, recipe="old", attempt=3), "other_recipe", (1, "stale_recipe"), id="stale"
        ),
        pytest.param(
            _row(Status.SUBMITTED, recipe="old"),
            (1, "stale_recipe"),
            (1, "stale_recipe"),
            id="stale, and never stored",
        ),
        pytest.param(
            _row(Status.PARTIAL, Reason.TRANSIENT, recipe="old"),
            (1, "stale_recipe"),
            (1, "stale_recipe"),
            id="stale, in part",
        ),
        pytest.param(
            _row(Status.STORED, etag="v1", recipe="old"),
            (1, "changed"),
            (1, "changed"),
            id="changed and stale",
        ),
        pytest.param(
            _row(Status.FAILED, Reason.EMPTY, etag="v1"),
            (1, "changed"),
            (1, "changed"),
            id="failed, then changed",
        ),
        pytest.param(
            _row(Status.SUBMITTED, etag="v1"), (1, "changed"), (1, "changed"), id="changed while in flight"
        ),
        pytest.param(
            _row(Status.FAILED, Reason.TRANSIENT), (2, "retried"), (2, "forced"), id="passing failure"
        ),
        pytest.param(
            _row(Status.FAILED, Reason.TRANSIENT, attempt=MAX_ATTEMPTS),
            "dead_letter",
            (MAX_ATTEMPTS + 1, "forced"),
            id="passing failure, but often enough",
        ),
        pytest.param(
            _row(Status.FAILED, Reason.JOB_FAILED), "dead_letter", (2, "forced"), id="failed for good"
        ),
        pytest.param(_row(Status.FAILED, Reason.MODERATED), "dead_letter", (2, "forced"), id="moderated"),
        pytest.param(
            _row(Status.PARTIAL, Reason.TRANSIENT), (2, "retried"), (2, "forced"), id="partly, passing"
        ),
        pytest.param(
            _row(Status.PARTIAL, Reason.INVALID_CONTENT), "dead_letter", (2, "forced"), id="partly, for good"
        ),
        pytest.param(_row(Status.FAILED, None), "dead_letter", (2, "forced"), id="failed without a reason"),
    ],
)
def test_a_source_is_due_or_not(
    row: Row | None, plain: tuple[int, str] | str, forced: tuple[int, str]
) -> None:
    """By its row alone, in a plain run and in a forced one."""
    for run, expected in ((_RUN, plain), (_FORCED, forced)):
        wanted = expected if isinstance(expected, str) else Work(_SOURCE, *expected)
        assert decide(_SOURCE, row, run) == wanted


@pytest.mark.parametrize(("running", "expected"), [(True, "in_flight"), (False, "stale_recipe")])
def test_a_job_of_another_recipe_is_left_to_its_run(running: bool, expected: str) -> None:
    """Once that run has ended without storing, nobody else would."""
    row = _row(Status.SUBMITTED, recipe="old", run="embed_text/r1", invocation_arns=("arn:x",))

    decision = decide(_SOURCE, row, _RUN, is_running=lambda name: running)

    assert (decision if isinstance(decision, str) else decision.why) == expected


def test_who_was_told_a_recipe_takes_what_is_stored_under_another() -> None:
    """The number itself, even the standard one, says that it is meant; a sweep leaves others' choices alone."""
    told = make_run(segment_characters=32_000)
    row = _row(Status.STORED, recipe="old")

    assert decide(_SOURCE, row, told) == Work(_SOURCE, 1, "stale_recipe")
    assert decide(_SOURCE, row, make_run()) == "other_recipe"


@pytest.mark.parametrize("run", [_RUN, _FORCED], ids=["plain", "forced"])
def test_a_job_in_flight_is_adopted(run: Any) -> None:
    """It is paid for already: a forced run takes it as well."""
    row = _row(Status.SUBMITTED, attempt=2, invocation_arns=("arn:x",))

    assert decide(_SOURCE, row, run) == Work(_SOURCE, 2, "adopted", ("arn:x",))


@pytest.mark.parametrize(("running", "expected"), [(True, "in_flight"), (False, "adopted")])
def test_what_another_run_will_store_is_left_to_it(running: bool, expected: str) -> None:
    """As long as that run goes on; once it has ended without storing, its jobs are adopted."""
    row = _row(Status.SUBMITTED, run="embed_text/r1", invocation_arns=("arn:x",))
    asked: list[str] = []

    decision = decide(_SOURCE, row, _RUN, is_running=lambda name: bool(asked.append(name)) or running)

    assert (decision if isinstance(decision, str) else decision.why) == expected
    assert asked == ["embed_text/r1"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(None, "not_failed", id="new"),
        pytest.param(_row(Status.STORED), "not_failed", id="stored"),
        pytest.param(_row(Status.STORED, etag="v1"), "not_failed", id="changed"),
        pytest.param(_row(Status.SUBMITTED, etag="v1"), "not_failed", id="in flight"),
        pytest.param(_row(Status.FAILED, Reason.JOB_FAILED, attempt=7), (8, "retried"), id="dead letter"),
        pytest.param(_row(Status.FAILED, Reason.EMPTY, etag="v1"), (1, "retried"), id="failed, then changed"),
        pytest.param(_row(Status.PARTIAL, Reason.INVALID_CONTENT), (2, "retried"), id="in part"),
    ],
)
def test_only_what_failed_can_be_retried(row: Row | None, expected: tuple[int, str] | str) -> None:
    """With retry_failed every dead letter is due, whatever its reason, and nothing else is."""
    wanted = expected if isinstance(expected, str) else Work(_SOURCE, *expected)

    assert decide(_SOURCE, row, make_run(retry_failed=True)) == wanted


def test_a_run_can_be_bound_to_a_time(deployment: Deployment) -> None:
    """The beginning is taken, the end is not: neighbouring intervals leave nothing out and take nothing twice."""
    sources = [replace(make_source(f"{second}.txt"), modified=second) for second in (9, 10, 19, 20)]
    run = make_run(modified_from="1970-01-01T00:00:10Z", modified_to="1970-01-01T00:00:20+00:00")

    assert [work.source.modified for work in make_plan(sources, deployment.ledger, run).works] == [10, 19]


class _AllStored:
    """A ledger that knows every source as stored; it keeps nothing, so that the plan's own memory is seen."""

    def rows(self, sources: list[Source]) -> dict[str, Row]:
        """A row for each."""
        return {
            source.object_id: _row(
                Status.STORED, uri=source.uri, etag=source.etag, object_id=source.object_id
            )
            for source in sources
        }


def test_ten_thousand_unchanged_sources_are_no_work() -> None:
    """Nothing is due, and memory does not grow with the bucket."""
    peaks = []
    for count in (2_000, 10_000):
        listing = (make_source(f"{number}.txt") for number in range(count))
        tracemalloc.start()
        plan = make_plan(listing, _AllStored(), _RUN)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (plan.works, plan.counts) == ([], {"unchanged": count})

    assert peaks[1] < 1.1 * peaks[0]


def test_an_object_that_came_back_is_due_again() -> None:
    """It was missing when its turn came; now it is listed, so it is there, and its etag is what it was."""
    assert decide(_SOURCE, _row(Status.FAILED, Reason.MISSING), _RUN) == Work(_SOURCE, 2, "retried")


def test_what_could_not_be_read_never_becomes_a_dead_letter() -> None:
    """No job was started for it. Three runs with a broken role must not shut out a whole bucket for ever."""
    row = _row(Status.FAILED, Reason.UNREADABLE, attempt=MAX_ATTEMPTS)

    assert decide(_SOURCE, row, _RUN) == Work(_SOURCE, MAX_ATTEMPTS + 1, "retried")


def test_a_request_is_told_apart_by_all_that_shapes_it() -> None:
    """Place, version, space, recipe and attempt: together they are one paid job."""
    recipe = Recipe.standard(Modality.TEXT)

    assert request_parts(_SOURCE, recipe, "space", 3) == (_SOURCE.uri, "v2", "space", recipe.fingerprint, "3")


def test_each_page_is_a_request_of_its_own() -> None:
    """The pages of a document differ in nothing else."""
    recipe = Recipe.standard(Modality.DOCUMENT)

    assert len({request_parts(_SOURCE, recipe, "space", 1, page) for page in (None, 0, 1)}) == 3


def test_a_plan_counts_what_is_due_and_what_is_not(deployment: Deployment) -> None:
    """Each source once; other modalities' files are not mentioned, unknown ones are named."""
    stored, failed = make_source("stored.txt"), make_source("failed.txt")
    deployment.ledger.stored(stored, _RUN.recipe, segments={"TEXT": 1})
    deployment.ledger.submitted(
        stored, _RUN.recipe, attempt=1, invocation_arns=["a"], media_format="text", content_type=""
    )
    deployment.ledger.stored(stored, _RUN.recipe, segments={"TEXT": 1})
    deployment.ledger.failed(failed, _RUN.recipe, attempt=1, reason=Reason.EMPTY, message="")
    sources = [make_source(key) for key in ("new.txt", "cat.mp4", "song.mp3", "archive.zip", "noextension")]

    plan = make_plan([stored, failed, *sources], deployment.ledger, _RUN)

    assert plan.works == [Work(make_source("new.txt"), 1, "new")]
    assert plan.counts == {"new": 1, "unchanged": 1, "dead_letter": 1, "unsupported": 2}
    assert plan.unknown == ["s3://media/archive.zip", "s3://media/noextension"]


def test_a_run_takes_no_more_than_its_limit(deployment: Deployment) -> None:
    """The first in key order; the rest is counted, and waits for the next run."""
    sources = [make_source(f"{number:02}.txt") for number in range(10)]

    plan = make_plan(sources, deployment.ledger, make_run(limit=4))

    assert [work.source.name for work in plan.works] == ["00.txt", "01.txt", "02.txt", "03.txt"]
    assert plan.counts == {"new": 4, "over_limit": 6}


def test_only_some_unknown_files_are_named(deployment: Deployment) -> None:
    """All are counted; a bucket full of archives must not fill the log."""
    plan = make_plan((make_source(f"{n}.zip") for n in range(100)), deployment.ledger, _RUN)

    assert (plan.counts["unsupported"], len(plan.unknown)) == (100, 20)


def test_the_bucket_is_never_held_in_memory(deployment: Deployment) -> None:
    """The listing is taken page by page: the ledger is asked before the listing is at its end."""
    listing = (make_source(f"{number}.txt") for number in range(2500))
    asked_at: list[int] = []
    with deployment.record("dynamodb_client") as sent:
        plan = make_plan(_noting(listing, sent, asked_at), deployment.ledger, make_run(limit=10))

    assert plan.counts == {"new": 10, "over_limit": 2490}
    assert asked_at[0] == 0 < asked_at[1500] < asked_at[2499] < len(sent)


def _noting(sources: Iterator[Source], sent: list[Any], asked_at: list[int]) -> Iterator[Source]:
    for source in sources:
        asked_at.append(len(sent))
        yield source
