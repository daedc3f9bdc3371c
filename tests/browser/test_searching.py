"""Searching by words: what is found is shown, in the address, and again when one goes back."""

from __future__ import annotations

import re

from browser.visit import Visit
from playwright.sync_api import Route, expect


def test_words_find_media_of_all_kinds(visit: Visit) -> None:
    """Best first, with a score each and a sentence that counts them."""
    visit.open().search("coffee cup")

    assert visit.names[0] == "coffee-cup.jpg"
    assert {"brewing-coffee.md", "coffee-break.mp4"} <= set(visit.names)
    assert re.match(r"10 sources in .*, flat at 1024\.", visit.told)
    scores = [float(told) for told in visit.page.locator(".score-number").all_inner_texts()]
    assert len(scores) == 10
    assert scores == sorted(scores, reverse=True)


def test_the_search_is_in_the_address(visit: Visit) -> None:
    """Reload and back show it again, and a link opens it with all that was chosen."""
    visit.open().search("coffee cup")
    visit.search("why do cats purr")
    assert visit.names[0] == "why-cats-purr.md"

    visit.page.reload()
    assert visit.settle().names[0] == "why-cats-purr.md"
    visit.page.go_back()
    visit.card("coffee-cup.jpg").wait_for()
    assert visit.settle().names[0] == "coffee-cup.jpg"
    assert visit.words.input_value() == "coffee cup"

    visit.open(q="rain", modality="video", strategy="hierarchical", dimension=3072, top_k=2).settle()
    assert re.match(r"2 sources in .*, hierarchical at 3072\.", visit.told)
    assert visit.page.get_by_role("radio", name="Video").is_checked()


def test_what_is_typed_early_is_kept(visit: Visit) -> None:
    """Before the scripts have come: the words stay, and Enter counts."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    visit.page.route("**/static/page.js", hold)
    visit.page.goto(visit.home, wait_until="commit")
    visit.words.press_sequentially("tabby cat")
    visit.words.press("Enter")
    with visit.page.expect_response("**/api/search"):
        held[0].continue_()

    assert visit.settle().names[0] == "tabby-cat.png"


def test_choices_search_again(visit: Visit) -> None:
    """A modality that is chosen is the only one found; the request says what the form does."""
    sent = visit.bodies("api/search")
    visit.open().search("rain")
    visit.page.get_by_role("radio", name="Audio").click()
    visit.settle()
    visit.page.get_by_text("More options").click()
    visit.page.get_by_label("Condition").fill("format = mp3")
    visit.page.get_by_label("Sources").fill("4")
    visit.page.get_by_label("Condition").press("Enter")
    visit.settle()

    assert sent[-1] | {"top_k": 4} == sent[-1]
    assert (sent[-1]["modality"], sent[-1]["condition"]) == ("audio", "format = mp3")
    assert visit.names
    assert all(name.endswith(".mp3") for name in visit.names)


def test_a_hierarchical_search_is_at_1024_or_3072(visit: Visit) -> None:
    """The dimensions that it cannot have cannot be chosen."""
    visit.open(dimension=256)
    visit.page.get_by_label("Strategy").select_option("hierarchical")

    dimension = visit.page.get_by_label("Dimension")
    assert dimension.input_value() == "1024"
    assert dimension.locator("option:disabled").all_inner_texts() == ["256", "384"]


def test_a_text_shows_its_words(visit: Visit) -> None:
    """With those marked that were looked for, and the whole passage on demand."""
    visit.open().search("Why do cats purr when they are hurt?")
    card = visit.card("why-cats-purr.md")

    assert "purr" in [word.lower() for word in card.locator("blockquote mark").all_inner_texts()]
    short = card.locator("blockquote").inner_text()
    card.get_by_text("All of this passage").click()
    expect(card.locator("details p")).not_to_be_empty()
    assert len(card.locator("details p").inner_text()) > len(short)


def test_a_document_opens_at_its_page(visit: Visit) -> None:
    """The link says so to whatever shows PDFs."""
    visit.open(q="coffee tasting report", modality="document").settle()

    sheet = visit.card("coffee-tasting-report.pdf").locator(".sheet")
    page = re.search(r"\d+", sheet.inner_text())
    assert page
    assert (sheet.get_attribute("href") or "").endswith(f"#page={page[0]}")


def test_how_it_was_searched(visit: Visit) -> None:
    """Every step with its calls and time, folded away."""
    visit.open(q="rain", strategy="hierarchical").settle()
    visit.page.get_by_text("How it was searched").click()

    steps = visit.page.locator(".stages tbody th").all_inner_texts()
    assert steps == ["GetItem", "InvokeModel", "QueryVectors", "GetVectors"]


def test_nothing_found_says_what_to_try(visit: Visit) -> None:
    """Each of them is one click."""
    visit.open(q="rain", modality="video", prefix="nowhere/").settle()
    assert visit.page.get_by_role("heading", name="Nothing was found").is_visible()

    visit.page.get_by_role("button", name="everywhere, not only below").click()
    visit.settle()

    assert "gravel-path-in-the-rain.webm" in visit.names
    assert "prefix" not in visit.page.url


def test_before_the_first_search(visit: Visit) -> None:
    """It is told what one can do, and an example is one click."""
    visit.open()
    assert visit.page.get_by_text("Search by words, or by example").is_visible()

    visit.page.get_by_role("button", name="rain on a roof").click()
    visit.settle()

    assert visit.words.input_value() == "rain on a roof"
    assert visit.names[0] == "rain-on-a-roof.mp3"
