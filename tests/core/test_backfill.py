"""A backfill's parameters: typed and checked once, and the space, recipes and runs that follow from them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from core.builders import make_source

from nova_mme.errors import BadSetting
from nova_mme.migration.backfill import SOURCES_PER_RUN, Backfill
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.run import LIMIT_MAX, Run
from nova_mme.space import NOVA_MODEL_ID, Space
from nova_mme.space_member import Member, Spaces, State

_NEXT_ID = "amazon.next-v2:0"
_SHORT = Recipe.standard(Modality.VIDEO, segment=3)
_FIRST = Member(Space(NOVA_MODEL_ID), State.ACTIVE, recipes={Modality.VIDEO: _SHORT})
_NEXT = Member(
    Space(_NEXT_ID, first=False),
    State.BUILDING,
    recipes={Modality.TEXT: Recipe.standard(Modality.TEXT, segment=900)},
)
_ONE = Spaces.of_one(_FIRST)
_TWO = _ONE.put(_NEXT)


def test_nothing_given_is_a_backfill_of_everything() -> None:
    """Absent and null parameters mean the defaults: all there is, any sum, and a person moves the pointer."""
    names = (
        "action",
        "target_model_id",
        "modalities",
        "limit",
        "max_cost_usd",
        "approval_threshold_usd",
        "dry_run",
    )
    names += ("approved", "cutover", "keep_days", "force", "dimensions", "rebuild_from", "campaign", "prefix")

    backfill = Backfill.read({})

    assert backfill == Backfill.read(dict.fromkeys(names)) == Backfill()
    assert (backfill.action, backfill.cutover, backfill.modalities) == ("backfill", "manual", tuple(Modality))
    assert (backfill.limit, backfill.max_cost_usd, backfill.approved) == (None, None, False)
    assert backfill.dimensions == (256, 384, 1024)


def test_everything_given_is_taken() -> None:
    """Values go where they belong; a form gives dimensions as texts, and sums may be whole numbers."""
    backfill = Backfill.read(
        {
            "action": "rebuild",
            "target_model_id": _NEXT_ID,
            "target_revision": "r2",
            "modalities": ["video", "text"],
            "prefix": "a/",
            "retry_failed": True,
            "max_failed_fraction": 0.1,
            "modified_from": "2026-11-01T00:00:00Z",
            "limit": 7,
            "sources_per_run": 5,
            "max_cost_usd": 0,
            "approval_threshold_usd": 2.5,
            "approved": True,
            "cutover": "when_gate_passes",
            "keep_days": 0,
            "force": True,
            "dimensions": ["256", "3072"],
            "rebuild_from": "outputs",
            "campaign": "backfill_embeddings/r1",
            "video_segment_seconds": 9,
            "vector_bucket": "not of its concern",
        }
    )

    assert backfill == Backfill(
        action="rebuild",
        target_model_id=_NEXT_ID,
        target_revision="r2",
        modalities=(Modality.VIDEO, Modality.TEXT),
        run=replace(
            Run(Recipe.standard(Modality.TEXT)),
            prefix="a/",
            retry_failed=True,
            max_failed_fraction=0.1,
            modified_from=1_793_491_200,
        ),
        recipes={Modality.VIDEO: {"segment_seconds": 9}},
        limit=7,
        sources_per_run=5,
        max_cost_usd=0,
        approval_threshold_usd=2.5,
        approved=True,
        cutover="when_gate_passes",
        keep_days=0,
        force=True,
        dimensions=(256, 3072),
        origin="outputs",
        campaign="backfill_embeddings/r1",
    )


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"action": "delete"}, "action is 'delete'; it can be backfill, cutover, rollback, rebuild, abandon"),
        ({"cutover": "now"}, "cutover is 'now'; it can be manual, when_gate_passes, none"),
        ({"rebuild_from": "bedrock"}, "rebuild_from is 'bedrock'; it can be vectors, outputs"),
        ({"modalities": []}, "modalities is empty; choose from text, image"),
        ({"modalities": ["smell"]}, "modalities is ['smell']; choose from text, image"),
        ({"modalities": 5}, "modalities is 5"),
        ({"target_revision": "r2"}, "target_revision says nothing without target_model_id"),
        ({"limit": 0}, "limit is 0; it must be a whole number from 1"),
        ({"limit": -5}, "limit is -5"),
        ({"limit": "many"}, "limit is 'many'"),
        ({"limit": 1.5}, "limit is 1.5"),
        ({"limit": True}, "limit is True"),
        ({"max_cost_usd": -0.01}, "max_cost_usd is -0.01; it must be a number from 0"),
        ({"max_cost_usd": "100"}, "max_cost_usd is '100'"),
        ({"max_cost_usd": float("nan")}, "max_cost_usd is nan"),
        ({"max_cost_usd": float("inf")}, "max_cost_usd is inf"),
        ({"approval_threshold_usd": -1}, "approval_threshold_usd is -1"),
        ({"keep_days": -1}, "keep_days is -1; it must be a whole number from 0"),
        ({"keep_days": 0.5}, "keep_days is 0.5"),
        ({"approved": "false"}, "approved is 'false'; it can be true or false"),
        ({"dry_run": 0}, "dry_run is 0"),
        ({"force": "no"}, "force is 'no'"),
        ({"retry_failed": "no"}, "retry_failed is 'no'"),
        ({"modified_to": "tomorrow"}, "modified_to is 'tomorrow'"),
        ({"dimensions": []}, "dimensions is (); choose from 256, 384, 1024, 3072"),
        ({"dimensions": ["512"]}, "dimensions is (512,)"),
        ({"dimensions": ["all"]}, "dimensions is ['all']"),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_by_name(params: dict[str, Any], sentence: str) -> None:
    """The text "false" approves of nothing, and no limit is no limit of nothing."""
    with pytest.raises(BadSetting, match=re.escape(sentence)):
        Backfill.read(params)


@pytest.mark.parametrize(
    ("params", "spaces", "target"),
    [
        ({}, _ONE, _FIRST.space),
        ({}, _TWO, _NEXT.space),
        ({"target_model_id": NOVA_MODEL_ID}, _TWO, _FIRST.space),
        ({"target_model_id": _NEXT_ID}, _ONE, _NEXT.space),
        ({"target_model_id": _NEXT_ID, "target_revision": "r2"}, _ONE, Space(_NEXT_ID, "r2", first=False)),
    ],
    ids=["active", "being built", "named", "new", "revision"],
)
def test_the_target_is_what_was_named_or_is_being_built(
    params: dict[str, Any], spaces: Spaces, target: Space
) -> None:
    """Else the active space; only the first one has the plain index names."""
    assert Backfill.read(params).find_target(spaces) == target


def test_a_new_space_begins_with_the_recipes_in_force() -> None:
    """Those of the active space; what the parameters tell goes before."""
    backfill = Backfill.read({"target_model_id": _NEXT_ID, "detail_level": "DOCUMENT_IMAGE"})

    recipes = backfill.find_recipes(_ONE)

    assert set(recipes) == set(Modality)
    assert recipes[Modality.VIDEO] == _SHORT
    assert recipes[Modality.IMAGE] == Recipe.standard(Modality.IMAGE, detail_level="DOCUMENT_IMAGE")
    assert recipes[Modality.TEXT] == Recipe.standard(Modality.TEXT)


def test_a_known_space_keeps_its_own_recipes() -> None:
    """Not the active one's."""
    recipes = Backfill.read({}).find_recipes(_TWO)

    assert recipes[Modality.TEXT].segment == 900
    assert recipes[Modality.VIDEO] == Recipe.standard(Modality.VIDEO)


@pytest.mark.parametrize(
    ("name", "value", "recipe"),
    [
        ("text_segment_characters", 900, Recipe.standard(Modality.TEXT, segment=900)),
        ("document_segment_characters", 900, Recipe.standard(Modality.DOCUMENT, segment=900)),
        ("video_segment_seconds", 9, Recipe.standard(Modality.VIDEO, segment=9)),
        ("audio_segment_seconds", 9, Recipe.standard(Modality.AUDIO, segment=9)),
        ("detail_level", "DOCUMENT_IMAGE", Recipe.standard(Modality.IMAGE, detail_level="DOCUMENT_IMAGE")),
        (
            "embedding_mode",
            "AUDIO_VIDEO_SEPARATE",
            Recipe.standard(Modality.VIDEO, segment=3, embedding_mode="AUDIO_VIDEO_SEPARATE"),
        ),
    ],
)
def test_each_recipe_parameter_changes_its_own_modality(name: str, value: Any, recipe: Recipe) -> None:
    """And of it what it names alone."""
    before, after = (Backfill.read(params).find_recipes(_ONE) for params in ({}, {name: value}))

    assert {**before, recipe.modality: recipe} == after != before


def test_a_recipe_out_of_its_range_is_refused() -> None:
    """When the space is known that it is for."""
    with pytest.raises(BadSetting, match="outside 1 to 30"):
        Backfill.read({"video_segment_seconds": 31}).find_recipes(_ONE)


def test_its_runs_take_what_is_stale_and_wait_behind_live_ones() -> None:
    """Of the modalities asked for, and within the dates; nothing is embedded twice by force."""
    params = {"modalities": ["video"], "prefix": "a/", "force": True, "retry_failed": True, "limit": 3}
    dates = {"modified_from": "2023-01-01T00:00:00Z", "modified_to": "2024-01-01T00:00:00Z"}
    backfill = Backfill.read({**params, **dates, "max_failed_fraction": 0.2})

    runs = backfill.find_runs(backfill.find_recipes(_ONE))

    assert set(runs) == {Modality.VIDEO}
    run = runs[Modality.VIDEO]
    assert (run.recipe, run.prefix, run.priority, run.takes_stale) == (_SHORT, "a/", "backfill", True)
    assert (run.force, run.retry_failed, run.limit, run.max_failed_fraction) == (False, True, LIMIT_MAX, 0.2)
    assert run.takes(make_source())
    assert not run.takes(replace(make_source(), modified=run.modified_to))


@pytest.mark.parametrize(("limit", "room"), [(None, 10_000), (1, 1), (10_000, 10_000), (25_000, 10_000)])
def test_a_run_takes_so_many_at_most(limit: int | None, room: int) -> None:
    """The next one goes on by itself."""
    assert Backfill.read({"limit": limit}).room == room <= SOURCES_PER_RUN


@pytest.mark.parametrize("action", ["cutover", "rollback", "rebuild", "abandon"])
def test_a_dry_run_of_what_would_be_done_all_the_same_is_refused(action: str) -> None:
    """Whoever asks for it expects that nothing happens."""
    with pytest.raises(BadSetting, match=f"dry_run goes with the action backfill; {action} would be done"):
        Backfill.read({"action": action, "dry_run": True})


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 5},
        {"prefix": "a/"},
        {"modalities": ["text"]},
        {"modified_from": "2026-11-01T00:00:00Z"},
        {"retry_failed": True},
    ],
    ids=lambda params: next(iter(params)),
)
def test_a_part_is_known_as_a_part(params: dict[str, Any]) -> None:
    """After it, nobody may expect the space to be whole."""
    assert Backfill.read(params).is_narrowed
    assert not Backfill.read({}).is_narrowed
