"""Searching by example: a file that is dropped, pasted or chosen, and a source that is stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.visit import Visit

from nova_mme_local.samples import ROOT as SAMPLES
from nova_mme_local.samples.searches import QUERIES


def test_a_dropped_picture_finds_its_like(visit: Visit) -> None:
    """At once; its name is in the address, and its contents are not."""
    sent = visit.bodies("api/search")
    visit.open().drop_and_search(QUERIES / "patch-of-sky.jpg")

    assert set(visit.names[:3]) == {
        "hubble-deep-field.jpg",
        "distant-galaxies.webp",
        "flight-through-space.mp4",
    }
    assert sent[0]["media"]["name"] == "patch-of-sky.jpg"
    assert visit.page.url.endswith("#file=patch-of-sky.jpg")
    assert visit.page.locator(".chip").inner_text().startswith("patch-of-sky.jpg")


def test_a_dropped_sound_finds_the_same_sound(visit: Visit) -> None:
    """In recordings and under films."""
    visit.open().drop_and_search(QUERIES / "another-shower.mp3")

    assert set(visit.names[:2]) == {"rain-on-a-roof.mp3", "gravel-path-in-the-rain.webm"}


def test_a_dropped_text_is_searched_by_its_words(visit: Visit) -> None:
    """They are shown, and can be changed."""
    visit.open().drop_and_search(SAMPLES / "text" / "why-cats-purr.md")

    assert visit.names[0] == "why-cats-purr.md"
    assert "purr" in visit.words.input_value()


def test_a_chosen_file(visit: Visit) -> None:
    """By the button, as on a telephone."""
    visit.open()
    with visit.page.expect_file_chooser() as chooser:
        visit.page.get_by_role("button", name="Search with a file").click()
    with visit.page.expect_response("**/api/search"):
        chooser.value.set_files(QUERIES / "rocket-at-dusk.jpg")

    assert visit.settle().names[0] in ("rocket-on-the-pad.jpg", "flight-through-space.mp4")


def test_a_file_is_not_kept_over_a_reload(visit: Visit) -> None:
    """What the address lacks is told, rather than something else searched; back in the same tab works."""
    visit.open().drop_and_search(QUERIES / "patch-of-sky.jpg")
    found = visit.names
    visit.page.get_by_role("button", name="Remove the file").click()
    visit.search("rain")

    with visit.page.expect_response("**/api/search"):
        visit.page.go_back()
    assert visit.settle().names == found

    visit.page.reload()
    assert "choose it again" in visit.page.locator("#refusal").inner_text()
    assert visit.names == []


@pytest.mark.parametrize(
    ("name", "size", "sentence"),
    [
        ("large.mp4", 18_740_001, "large.mp4 has 19 MB; the model takes 18.7 MB"),
        ("report.pdf", 10, "report.pdf is of no format that the model takes"),
        ("nothing", 10, "nothing is of no format"),
        ("empty.png", 0, "empty.png is empty"),
    ],
)
def test_a_file_that_cannot_be_searched_with(
    visit: Visit, tmp_path: Path, name: str, size: int, sentence: str
) -> None:
    """Is refused at once, in a sentence: nothing is sent."""
    sent = visit.bodies("api/search")
    file = tmp_path / name
    file.write_bytes(bytes(size))
    visit.open().drop(file)

    refusal = visit.page.locator("#refusal")
    refusal.wait_for()
    assert refusal.inner_text().startswith(sentence)
    assert not sent


def test_more_like_this(visit: Visit) -> None:
    """By the part that is shown, without the model, and without the source itself."""
    sent = visit.bodies("api/search")
    visit.open().search("a rocket flight through space")
    visit.card("hubble-space-telescope.txt").get_by_role("button", name="More like this").click()
    visit.settle()

    assert sent[-1]["source"] == "s3://media/text/hubble-space-telescope.txt"
    assert sent[-1]["segment"] == 0
    assert "hubble-space-telescope.txt" not in visit.names
    assert len(visit.names) == 10

    visit.page.reload()
    assert len(visit.settle().names) == 10
