"""Outcomes: what became of each source, kept beside the shard's manifest."""

from __future__ import annotations

import pytest
from core.deployment import Deployment

from nova_mme.errors import Reason
from nova_mme.outcome import Outcome, read_outcomes, result_place, write_outcomes

_MANIFEST = "s3://output/runs/embed_text/r1/shard-0003.json"
_OUTCOMES = [
    Outcome("s3://media/a.txt", "stored", {"TEXT": 2}, invocation_arn="arn:a"),
    Outcome("s3://media/ü.txt", "partial", {"TEXT": 1}, 1, "segment_failed", "TEXT 0: broken", "arn:b"),
    Outcome.of_failure("s3://media/c.txt", Reason.EMPTY, "The file is empty."),
]


def test_outcomes_come_back_as_they_were(buckets: Deployment) -> None:
    """The report reads what the store task wrote."""
    write_outcomes(buckets.s3, _MANIFEST, _OUTCOMES)

    assert read_outcomes(buckets.s3, _MANIFEST) == _OUTCOMES


def test_a_later_try_replaces_the_outcomes(buckets: Deployment) -> None:
    """A task's second try tells of all its sources again."""
    write_outcomes(buckets.s3, _MANIFEST, _OUTCOMES)
    write_outcomes(buckets.s3, _MANIFEST, _OUTCOMES[:1])

    assert read_outcomes(buckets.s3, _MANIFEST) == _OUTCOMES[:1]


def test_a_shard_without_outcomes_is_told_from_an_empty_one(buckets: Deployment) -> None:
    """None means that the store task never came so far: its sources are unaccounted for."""
    assert read_outcomes(buckets.s3, _MANIFEST) is None
    write_outcomes(buckets.s3, _MANIFEST, [])
    assert read_outcomes(buckets.s3, _MANIFEST) == []


def test_the_result_lies_beside_the_manifest() -> None:
    """One file per shard."""
    assert str(result_place(_MANIFEST)) == "s3://output/runs/embed_text/r1/shard-0003.result.json"


@pytest.mark.parametrize("reason", Reason)
def test_a_failure_says_what_to_do(reason: Reason) -> None:
    """The reason's next step; an outcome without a reason needs none."""
    assert Outcome.of_failure("s3://media/a", reason, "x").next_step == reason.next_step
    assert _OUTCOMES[0].next_step == ""
