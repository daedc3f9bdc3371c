"""A run's parameters: typed and checked once, with sentences that name the key."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.run import LIMIT_DEFAULT, LIMIT_MAX, Run


@pytest.mark.parametrize("modality", Modality)
def test_nothing_given_is_the_standard_run(modality: Modality) -> None:
    """Absent and null parameters mean the defaults."""
    nothing = dict.fromkeys(
        ("prefix", "limit", "detail_level", "embedding_mode", "segment_seconds", "segment_characters")
    )

    assert Run.read(modality, {}) == Run.read(modality, nothing) == Run(Recipe.standard(modality))
    assert (Run.read(modality, {}).limit, Run.read(modality, {}).force) == (LIMIT_DEFAULT, False)


@pytest.mark.parametrize(
    ("modality", "params", "recipe"),
    [
        (Modality.TEXT, {"segment_characters": 800}, {"segment": 800}),
        (Modality.VIDEO, {"segment_seconds": 30}, {"segment": 30}),
        (Modality.AUDIO, {"segment_seconds": 1}, {"segment": 1}),
        (
            Modality.VIDEO,
            {"embedding_mode": "AUDIO_VIDEO_SEPARATE"},
            {"embedding_mode": "AUDIO_VIDEO_SEPARATE"},
        ),
        (Modality.IMAGE, {"detail_level": "DOCUMENT_IMAGE"}, {"detail_level": "DOCUMENT_IMAGE"}),
        (Modality.TEXT, {"segment_seconds": 3}, {"segment": 32_000}),
        (Modality.IMAGE, {"segment_seconds": 3}, {"segment": None}),
    ],
)
def test_each_modality_reads_its_own_parameters(
    modality: Modality, params: dict[str, Any], recipe: dict[str, Any]
) -> None:
    """Another modality's parameters change nothing."""
    read = Run.read(modality, params).recipe

    assert {name: getattr(read, name) for name in recipe} == recipe


def test_everything_given_is_taken() -> None:
    """Values go where they belong; a fraction of zero is a value."""
    params = {"prefix": "a/", "limit": 7, "force": True, "max_failed_fraction": 0.0, "unknown": 1}

    run = Run.read(Modality.TEXT, params)

    assert (run.prefix, run.limit, run.force, run.max_failed_fraction) == ("a/", 7, True, 0.0)
    assert run.modality is Modality.TEXT


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"limit": -1}, "limit is -1; it can be 1 to 50000"),
        ({"limit": 0}, "limit is 0"),
        ({"limit": LIMIT_MAX + 1}, "limit is 50001"),
        ({"limit": "many"}, "limit is 'many'"),
        ({"max_failed_fraction": 1.01}, "max_failed_fraction is 1.01; it can be 0 to 1"),
        ({"max_failed_fraction": -0.1}, "max_failed_fraction is -0.1"),
        ({"max_failed_fraction": float("nan")}, "max_failed_fraction is nan"),
        ({"max_failed_fraction": "half"}, "max_failed_fraction is 'half'"),
        ({"force": "false"}, "force is 'false'"),
        ({"retry_failed": 1}, "retry_failed is 1"),
        ({"force": True, "retry_failed": True}, "not both"),
        ({"priority": "urgent"}, "priority is 'urgent'; it can be live or backfill"),
        ({"modified_from": "yesterday"}, "modified_from is 'yesterday'"),
        ({"modified_to": 5}, "modified_to is 5"),
        ({"segment_characters": 799}, "799 is outside 800 to 50000"),
        ({"segment_characters": "800"}, "800"),
        ({"segment_characters": 900.5}, "900.5"),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_by_name(params: dict[str, Any], sentence: str) -> None:
    """As a setting that no retry mends. A text is no number, and the text "false" is not a wish to pay again."""
    with pytest.raises(BadSetting, match=re.escape(sentence)):
        Run.read(Modality.TEXT, params)


def test_an_absent_fraction_is_the_default() -> None:
    """Null, as a form sends it, is no value."""
    assert Run.read(Modality.TEXT, {"max_failed_fraction": None}).max_failed_fraction == 0.5


def test_a_time_is_utc_unless_it_says_otherwise() -> None:
    """Epoch seconds, whatever the zone they were written in."""
    run = Run.read(
        Modality.TEXT, {"modified_from": "2026-11-01T00:00:00", "modified_to": "2026-11-01T02:00:00+01:00"}
    )

    assert (run.modified_from, run.modified_to) == (1_793_491_200, 1_793_494_800)


def test_what_is_left_open_is_as_in_force() -> None:
    """A recipe that a backfill has brought in stays, until a run is told another; what is told goes before."""
    known = Recipe.standard(Modality.VIDEO, segment=9, embedding_mode="AUDIO_VIDEO_SEPARATE")

    assert Run.read(Modality.VIDEO, {}, known).recipe == known
    assert Run.read(Modality.VIDEO, {"segment_seconds": 6}, known).recipe == replace(known, segment=6)
    told = Run.read(Modality.VIDEO, {"embedding_mode": "AUDIO_VIDEO_COMBINED"}, known)
    assert told.recipe == replace(known, embedding_mode="AUDIO_VIDEO_COMBINED")


@pytest.mark.parametrize(
    ("params", "takes"),
    [({}, False), ({"segment_seconds": None, "embedding_mode": None}, False), ({"segment_seconds": 5}, True)],
    ids=str,
)
def test_only_a_run_that_was_told_a_recipe_takes_what_is_stale(params: dict[str, Any], takes: bool) -> None:
    """Also when it was told the one in force; a sweep undoes nothing that others have chosen."""
    assert Run.read(Modality.VIDEO, params, Recipe.standard(Modality.VIDEO)).takes_stale is takes


@pytest.mark.parametrize("again", ["force", "retry_failed"])
def test_beside_another_space_only_what_it_lacks_is_taken(again: str) -> None:
    """The same sources under its own recipe; what this run does again is not paid for twice there."""
    params = {"prefix": "a/", "limit": 3, "priority": "backfill", "modified_from": "2026-11-01"}
    run = Run.read(Modality.TEXT, {**params, again: True, "segment_characters": 900})
    other = Recipe.standard(Modality.TEXT, segment=1000)

    beside = run.beside(other)

    assert beside == replace(run, recipe=other, force=False, retry_failed=False, takes_stale=False)
    assert (beside.prefix, beside.limit, beside.priority) == ("a/", 3, "backfill")
