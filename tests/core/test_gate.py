"""The gate: what passes it, and what fails it with which sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
from core.deployment import Deployment
from core.stocked import RECIPE
from core.two_spaces import NEXT, TEXTS, TwoSpaces, put, start, store

from nova_mme.errors import BadSetting, Reason
from nova_mme.migration.coverage import Standing
from nova_mme.migration.gate import Gate
from nova_mme.migration.verdict import Bars
from nova_mme.space import DIMENSIONS

_FEW = 4
_BARS = Bars(queries=24)


@pytest.fixture
def two(deployment: Deployment) -> TwoSpaces:
    """Two spaces of four sources each, embedded by two models."""
    return TwoSpaces(deployment).fill(_FEW)


@pytest.fixture
def full(deployment: Deployment) -> TwoSpaces:
    """Two spaces of 48 sources each: enough for a ranking to mean something."""
    return TwoSpaces(deployment).fill()


def _take(two: TwoSpaces, dimension: int, number: int) -> None:
    two.deployment.s3vectors.delete_vectors(
        vectorBucketName="vectors",
        indexName=NEXT.index_name(dimension),
        keys=[f"{two.sources[number].object_id}/TEXT/0"],
    )


def test_a_space_of_another_model_passes(full: TwoSpaces) -> None:
    """All is there and sound, and the two models find much the same; no call of Bedrock is made for it."""
    with full.deployment.record("bedrock") as calls:
        verdict = full.judge(bars=_BARS)

    assert (verdict.passed, verdict.in_motion_only, verdict.reasons, verdict.notes) == (True, False, [], [])
    assert verdict.coverage.tally == {Standing.PRESENT: len(TEXTS)}
    assert verdict.tally["vectors"] == 4 * len(TEXTS)
    assert len(verdict.agreement.recalls) == _BARS.queries
    assert 0.7 < verdict.agreement.recall <= 1.0
    assert 0.6 < verdict.agreement.overlap <= 1.0
    recalls = verdict.agreement.dimension_recall
    assert 0.7 < recalls[256] <= recalls[384] <= recalls[1024] < 1.0
    assert calls == []


def test_a_shuffled_space_fails(full: TwoSpaces) -> None:
    """Every vector is another source's: complete, sound, and useless."""
    vectors = full.embed(full.new, TEXTS)
    put(full.new, full.sources, np.random.default_rng(0).permutation(vectors))

    verdict = full.judge(bars=_BARS)

    (reason,) = verdict.reasons
    assert "The new space finds too little of what the old one finds: recall@10 is 0." in reason
    assert verdict.agreement.recall < verdict.bars.min_recall
    assert (verdict.passed, verdict.in_motion_only) == (False, False)


def test_a_smaller_index_that_finds_something_else_fails(full: TwoSpaces) -> None:
    """Both by the sample and by what it finds."""
    vectors = full.embed(full.new, TEXTS)
    put(full.new, full.sources, np.random.default_rng(0).permutation(vectors), dimensions=[384])

    truncation, recall = full.judge(bars=_BARS).reasons

    assert truncation.startswith(
        "Vectors of the new indexes are not the beginning of their 3072d vector: 384d"
    )
    assert recall.startswith("The new 384d index finds too little of what its 3072d index finds")


def test_queries_of_a_file_are_embedded_once_by_each_model(full: TwoSpaces) -> None:
    """And truncated for the smaller indexes; what they find is not left out."""
    full.deployment.upload("queries.jsonl", b'{"text": "The cats."}\n{"source": "s3://media/7.txt"}\n')

    with full.deployment.record("bedrock") as calls:
        verdict = full.judge(queries_uri="s3://media/queries.jsonl")

    assert verdict.passed
    assert len(calls) == 4
    text, example = verdict.agreement.comparisons
    assert (text.name, example.name) == ("The cats.", "s3://media/7.txt")
    assert full.sources[0].object_id in (*text.old, *text.new)
    assert full.sources[7].object_id not in (*example.old, *example.new)
    assert verdict.agreement.given


def test_a_missing_source_fails(two: TwoSpaces) -> None:
    """By name, with what to do."""
    two.forget(two.new, two.sources[1])

    verdict = two.judge()

    assert verdict.reasons == [
        "Not in the new space: 1 of 4 searchable sources (s3://media/1.txt). Run backfill_embeddings again: it takes "
        "up what is not there."
    ]
    assert (verdict.passed, verdict.in_motion_only) == (False, False)


def test_a_dead_letter_of_a_searchable_source_fails(two: TwoSpaces) -> None:
    """It would be lost; going without it is a person's decision."""
    two.new.ledger.failed(
        two.sources[1], RECIPE, attempt=1, reason=Reason.BROKEN, message="It ends half-way."
    )

    (reason,) = two.judge().reasons

    assert reason.startswith(
        "Failed in the new space, though they can be found today: 1 of 4 searchable sources"
    )
    assert two.judge(bars=Bars(min_coverage=0.7)).passed


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_hole_in_one_index_fails(two: TwoSpaces, dimension: int) -> None:
    """Whichever of the four it is in."""
    _take(two, dimension, 2)

    assert two.judge().reasons == [
        f"Vectors are missing in the new indexes ({dimension}d), of 1 stored source (s3://media/2.txt). Run "
        "reconcile_embeddings with dry_run off, then backfill_embeddings: they are stored again at no cost."
    ]


def test_stale_vectors_fail(two: TwoSpaces) -> None:
    """The row tells of another version."""
    changed = two.upload("2.txt", "something else")
    for side in (two.old, two.new):
        start(side, changed)
        side.ledger.stored(changed, RECIPE, segments={"TEXT": 1})

    (reason,) = two.judge().reasons

    assert reason.startswith(
        "There are stale vectors, or too many, in the new indexes (256d), of 1 stored source"
    )


def test_a_vector_that_is_not_of_unit_length_fails(two: TwoSpaces) -> None:
    """By how much, and where."""
    source = two.sources[3]
    put(two.new, [source], two.embed(two.new, TEXTS[3:4]), dimensions=[1024], scale=1.05)

    assert two.judge().reasons == [
        "Vectors of the new indexes are not of unit length: 1024d 1 of 4 in the sample, off by up to 0.05 where 0.001 "
        f"may be ({source.object_id}/TEXT/0). Rebuild the indexes "
        "(action rebuild, rebuild_from outputs); if they come out the same, the model does not make unit vectors."
    ]


def test_what_is_in_motion_has_to_arrive_first(two: TwoSpaces) -> None:
    """Nothing is wrong, and it is too early: the caller tries again."""
    start(two.new, two.sources[0])

    verdict = two.judge()

    assert (verdict.passed, verdict.in_motion_only, verdict.reasons) == (False, True, [])
    assert verdict.coverage.in_motion == 1
    assert any(note.startswith("1 source on the way") for note in verdict.notes)


def test_what_is_wrong_is_told_though_something_is_in_motion(two: TwoSpaces) -> None:
    """Waiting would not mend it."""
    start(two.new, two.sources[0])
    two.forget(two.new, two.sources[1])

    verdict = two.judge()

    assert (verdict.passed, verdict.in_motion_only, len(verdict.reasons)) == (False, False, 1)


def test_a_deleted_source_is_not_missed(two: TwoSpaces) -> None:
    """The old space still has it; the new one needs not."""
    two.forget(two.new, two.sources[0])
    two.delete(two.sources[0])

    assert two.judge().passed


def test_an_upload_that_is_in_flight_in_both_is_not_waited_for(two: TwoSpaces) -> None:
    """There always is one."""
    source = two.upload("new.txt", "Something new.")
    start(two.old, source)
    start(two.new, source)

    assert two.judge().passed


@pytest.mark.parametrize("count", [0, 1])
def test_with_nothing_to_rank_the_agreement_is_not_judged(deployment: Deployment, count: int) -> None:
    """An empty corpus may change its model, and one of a single source, too."""
    verdict = TwoSpaces(deployment).fill(count).judge()

    assert verdict.passed
    assert verdict.notes == [
        "The agreement was not judged: with fewer than two sources there is nothing to rank."
    ]
    assert json.dumps(verdict.summarize())


def test_an_old_space_without_its_vectors_cannot_be_compared(two: TwoSpaces) -> None:
    """That is no reason to call the new one good."""
    two.old.store.delete(f"{source.object_id}/TEXT/0" for source in two.sources)

    (reason,) = two.judge().reasons

    assert reason.startswith("The two spaces could not be compared though both hold 4 sources")


def test_orphans_and_lost_segments_are_told(two: TwoSpaces) -> None:
    """They fail nothing."""
    vectors = two.embed(two.new, TEXTS[:1])
    store(two.new, two.sources[:1], vectors, failed=1)
    put(two.new, two.sources[1:2], vectors, dimensions=[256], segments=[7])

    verdict = two.judge()

    assert verdict.passed
    assert (
        "1 source whole in the old space and partial in the new one: the model failed segments."
        in verdict.notes
    )
    assert any(note.startswith("1 vector without a row in the new indexes") for note in verdict.notes)


def test_a_gate_leads_from_one_space_to_another(two: TwoSpaces) -> None:
    """Not back to itself."""
    gate = Gate(two.deployment.settings, two.old, two.old, two.deployment.s3, two.deployment.bedrock)

    with pytest.raises(BadSetting, match="twice"):
        gate.run()
