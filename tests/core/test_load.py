"""What one source means: from the row of what was stored of it, or else from its size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from core.builders import make_run, make_source

from nova_mme.migration.load import Load, measure
from nova_mme.migration.price import PRICES
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.row import Row, Status
from nova_mme.source import Source

_CLIP = make_source("clips/cat.mp4", size=2_500_000)
_VIDEO = Recipe.standard(Modality.VIDEO)
_SEPARATE = Recipe.standard(Modality.VIDEO, embedding_mode="AUDIO_VIDEO_SEPARATE")


def _row(source: Source, recipe: Recipe, segments: dict[str, int], /, **changes: Any) -> Row:
    row = Row(
        source.object_id, "s", source.uri, source.etag, recipe.fingerprint, Status.STORED, segments=segments
    )
    return replace(row, **changes)


def _video(recipe: Recipe = _VIDEO, row: Row | None = None, source: Source = _CLIP) -> Load:
    return measure(source, recipe, PRICES, row)


def test_a_stored_video_is_as_long_as_its_segments() -> None:
    """12 of 5 s are a minute, and a minute costs 4.2 cents."""
    load = _video(row=_row(_CLIP, _VIDEO, {"AUDIO_VIDEO_COMBINED": 12}))

    assert (load.segments, load.seconds, load.rough) == (12, 60, False)
    assert load.usd == pytest.approx(0.042)
    assert (load.jobs, load.job_seconds) == (1, pytest.approx(200 + 0.35 * 60))


@pytest.mark.parametrize(("segment", "segments"), [(1, 60), (5, 12), (7, 9), (30, 2)])
def test_another_segment_length_changes_the_segments_alone(segment: int, segments: int) -> None:
    """The row keeps no more of its recipe than the fingerprint; what that was cut into is known all the same."""
    load = _video(make_run(Modality.VIDEO, segment_seconds=segment).recipe, _row(_CLIP, _VIDEO, {"V": 12}))

    assert (load.segments, load.seconds, load.rough) == (segments, 60, False)
    assert load.usd == pytest.approx(0.042)


@pytest.mark.parametrize(
    ("recipe", "row", "segments"),
    [
        pytest.param(_SEPARATE, _row(_CLIP, _SEPARATE, {"VIDEO": 12, "AUDIO": 12}), 24, id="stays apart"),
        pytest.param(_SEPARATE, _row(_CLIP, _SEPARATE, {"VIDEO": 12}), 12, id="silent"),
        pytest.param(_SEPARATE, _row(_CLIP, _VIDEO, {"AUDIO_VIDEO_COMBINED": 12}), 24, id="taken apart"),
        pytest.param(_VIDEO, _row(_CLIP, _SEPARATE, {"VIDEO": 12, "AUDIO": 12}), 12, id="put together"),
    ],
)
def test_pictures_and_sound_apart_are_two_embeddings_of_one_length(
    recipe: Recipe, row: Row, segments: int
) -> None:
    """Vectors double, seconds and dollars do not."""
    load = _video(recipe, row)

    assert (load.segments, load.seconds) == (segments, 60)


def test_the_length_that_was_asked_for_goes_before_the_recipe() -> None:
    """A film of two hours was cut at 6 s though the recipe says 5: it is no longer than the model takes."""
    load = _video(row=_row(_CLIP, _VIDEO, {"V": 1200}, segment=6))

    assert (load.segments, load.seconds) == (1200, 7200)
    assert load.usd == pytest.approx(5.04)


@pytest.mark.parametrize(
    "changes",
    [{"etag": "v0"}, {"status": Status.FAILED}, {"status": Status.SUBMITTED}, {"segments": {}}],
    ids=["other content", "failed", "started", "nothing stored"],
)
def test_a_row_that_does_not_tell_is_passed_over(changes: dict[str, Any]) -> None:
    """Then the size tells: 2.5 MB at 2 Mbit/s are ten seconds."""
    load = _video(row=_row(_CLIP, _VIDEO, {"V": 12}, **changes))

    assert load == _video()
    assert (load.segments, load.seconds, load.rough) == (2, 10, True)


def test_a_row_of_an_unknown_recipe_is_rough() -> None:
    """Its segments are counted, but how long they are is not known."""
    load = _video(row=_row(_CLIP, _VIDEO, {"V": 12}, recipe="0" * 12))

    assert (load.seconds, load.rough) == (60, True)


def test_some_failed_segments_do_not_make_a_film_shorter() -> None:
    """What a second try costs is the whole of it."""
    partial = _row(_CLIP, _VIDEO, {"V": 12}, counts={"V": 9}, failed_segments=3, status=Status.PARTIAL)

    assert _video(row=partial).seconds == 60


@pytest.mark.parametrize(("key", "seconds"), [("a.mp3", 1000), ("a.wav", 16_000_000 / 176_400)])
def test_audio_lasts_by_its_format(key: str, seconds: float) -> None:
    """Uncompressed it is shorter for its size."""
    load = measure(make_source(key, size=16_000_000), Recipe.standard(Modality.AUDIO), PRICES)

    assert load.seconds == pytest.approx(seconds)
    assert load.usd == pytest.approx(seconds * 0.00014)
    assert load.rough


def test_a_video_of_unknown_length_lasts_two_hours_at_most() -> None:
    """And makes no more segments than the model takes."""
    load = _video(source=make_source("film.mp4", size=2_000_000_000))

    assert (load.seconds, load.segments) == (7200, 1200)


def test_a_text_costs_by_its_size() -> None:
    """Four bytes a token; a text of another space is cut as it was."""
    text, recipe = make_source("a.txt", size=400_000), Recipe.standard(Modality.TEXT)
    stored = measure(text, recipe, PRICES, _row(text, recipe, {"TEXT": 7}))
    finer = make_run(segment_characters=800).recipe

    assert (stored.segments, stored.tokens, stored.text_bytes) == (7, 100_000, 7 * 16384)
    assert stored.usd == pytest.approx(0.0135)
    assert measure(text, recipe, PRICES).segments == 13
    assert measure(text, finer, PRICES, _row(text, recipe, {"TEXT": 7})).segments == 500


def test_an_image_is_an_image() -> None:
    """Whatever its size."""
    load = measure(make_source("a.jpg", size=9_000_000), Recipe.standard(Modality.IMAGE), PRICES)

    assert (load.segments, load.jobs, load.usd, load.rough) == (1, 1, PRICES.image, False)


def test_a_pdf_is_as_many_jobs_as_pages() -> None:
    """By its row, or a page for every 100 KB."""
    document, recipe = make_source("a.pdf", size=450_000), Recipe.standard(Modality.DOCUMENT)
    told = measure(document, recipe, PRICES, _row(document, recipe, {"IMAGE": 30}))
    rough = measure(document, recipe, PRICES)

    assert (told.segments, told.jobs, told.images, told.rough) == (30, 30, 30, False)
    assert (told.job_seconds, told.usd) == (900, pytest.approx(0.0018))
    assert (rough.segments, rough.rough) == (5, True)


def test_a_docx_is_text() -> None:
    """No longer than its stored segments; else as long as its file."""
    document, recipe = make_source("a.docx", size=1_000_000), Recipe.standard(Modality.DOCUMENT)
    told = measure(document, recipe, PRICES, _row(document, recipe, {"TEXT": 2}))

    assert (told.segments, told.tokens, told.rough) == (2, 16_000, False)
    assert measure(document, recipe, PRICES).rough


@pytest.mark.parametrize(("key", "size"), [("a.jpg", 0), ("a.jpg", 60_000_000), ("a.mp4", 3 << 30)])
def test_what_preflight_refuses_for_its_size_costs_nothing(key: str, size: int) -> None:
    """It never becomes a job."""
    source = make_source(key, size=size)
    modality = Modality.of_name(key)

    assert modality is not None
    assert measure(source, Recipe.standard(modality), PRICES) == Load()
