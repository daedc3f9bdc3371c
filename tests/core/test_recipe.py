"""Recipes: what shapes a vector, its bounds, and a fingerprint that tells recipes apart."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.recipe import INDEX_PURPOSE, Recipe


@pytest.mark.parametrize(
    ("modality", "expected"),
    [
        (Modality.TEXT, {"segment": 32_000, "detail_level": None, "embedding_mode": None}),
        (Modality.IMAGE, {"segment": None, "detail_level": "STANDARD_IMAGE", "embedding_mode": None}),
        (Modality.VIDEO, {"segment": 5, "detail_level": None, "embedding_mode": "AUDIO_VIDEO_COMBINED"}),
        (Modality.AUDIO, {"segment": 5, "detail_level": None, "embedding_mode": None}),
        (
            Modality.DOCUMENT,
            {"segment": 32_000, "detail_level": "DOCUMENT_IMAGE", "embedding_mode": None},
        ),
    ],
)
def test_the_standard_recipe_is_novas_own_default(modality: Modality, expected: dict[str, Any]) -> None:
    """What does not apply to a modality is absent, the purpose is that of an index."""
    recipe = Recipe.standard(modality)

    assert {name: getattr(recipe, name) for name in expected} == expected
    assert recipe.purpose == INDEX_PURPOSE == "GENERIC_INDEX"


def test_what_does_not_apply_is_left_out() -> None:
    """A detail level given for a video must not make its vectors stale."""
    assert Recipe.standard(Modality.VIDEO, detail_level="DOCUMENT_IMAGE") == Recipe.standard(Modality.VIDEO)


@pytest.mark.parametrize(
    ("modality", "fingerprint"),
    [
        (Modality.TEXT, "37adca19816d"),
        (Modality.IMAGE, "5eaf82b8b8b6"),
        (Modality.VIDEO, "4b1c6ac778a4"),
        (Modality.AUDIO, "5b8310dcd714"),
        (Modality.DOCUMENT, "549eb0849b99"),
    ],
)
def test_a_fingerprint_never_changes(modality: Modality, fingerprint: str) -> None:
    """A changed fingerprint makes a whole bucket stale and is paid for: it must be done on purpose."""
    assert Recipe.standard(modality).fingerprint == fingerprint


def test_every_field_is_in_the_fingerprint() -> None:
    """Two recipes that differ anywhere have two fingerprints."""
    base = Recipe(Modality.VIDEO, 5, None, "AUDIO_VIDEO_COMBINED")
    changes: dict[str, Any] = {
        "modality": Modality.AUDIO,
        "segment": 6,
        "detail_level": "DOCUMENT_IMAGE",
        "embedding_mode": "AUDIO_VIDEO_SEPARATE",
        "purpose": "CLASSIFICATION",
        "preprocessing": base.preprocessing + 1,
    }

    assert set(changes) == {field.name for field in fields(Recipe)}
    changed = {replace(base, **{name: value}).fingerprint for name, value in changes.items()}
    assert len(changed | {base.fingerprint}) == len(changes) + 1


@pytest.mark.parametrize(
    ("modality", "low", "high"),
    [(Modality.TEXT, 800, 50_000), (Modality.VIDEO, 1, 30), (Modality.AUDIO, 1, 30)],
)
def test_a_segment_stays_within_the_schemas_range(modality: Modality, low: int, high: int) -> None:
    """Both bounds are allowed, one beyond is refused with the range."""
    assert {Recipe(modality, length).segment for length in (low, high)} == {low, high}
    for length in (low - 1, high + 1, -1):
        with pytest.raises(BadSetting, match=f"segment of {length} is outside {low} to {high}"):
            Recipe(modality, length)


def test_a_segment_of_zero_is_refused() -> None:
    """Zero is a wrong length, not the wish for the default."""
    with pytest.raises(BadSetting, match="0 is outside 1 to 30"):
        Recipe.standard(Modality.VIDEO, segment=0)


def test_an_image_has_no_segments() -> None:
    """An image is one segment: a length for it is a mistake."""
    with pytest.raises(BadSetting, match="image segment"):
        Recipe.standard(Modality.IMAGE, segment=5)


@pytest.mark.parametrize(
    ("name", "modality", "choices"),
    [
        ("detail_level", Modality.IMAGE, ("STANDARD_IMAGE", "DOCUMENT_IMAGE")),
        ("embedding_mode", Modality.VIDEO, ("AUDIO_VIDEO_COMBINED", "AUDIO_VIDEO_SEPARATE")),
    ],
)
def test_a_choice_is_one_of_the_schemas(name: str, modality: Modality, choices: tuple[str, str]) -> None:
    """The sentence names the key, the wrong value and what it can be."""
    for choice in choices:
        assert getattr(Recipe.standard(modality, **{name: choice}), name) == choice
    with pytest.raises(BadSetting, match=f"{name} is 'LOW'; it can be {choices[0]} or {choices[1]}"):
        Recipe.standard(modality, **{name: "LOW"})
