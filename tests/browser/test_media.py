"""Players start where it was found; what cannot be shown says so, and links that ran out are renewed."""

from __future__ import annotations

import json
import re
from typing import Any

from browser.visit import Visit
from playwright.sync_api import Locator, Route, expect

_TIME = "player => player.currentTime"


def _await_metadata(player: Locator) -> None:
    player.evaluate(
        "player => player.readyState >= 1 || new Promise(go => player.addEventListener('loadedmetadata', go))"
    )


def test_a_video_starts_at_its_segment(visit: Visit) -> None:
    """The first frame that is seen is the one that was found, and each of its parts is a button."""
    visit.open(q="rain", modality="video").settle()
    card = visit.card("gravel-path-in-the-rain.webm")
    first, other = card.locator(".span").all_inner_texts()[:2]
    assert (first, other) == ("0:05–0:15", "0:00–0:05")
    player = card.locator("video")

    _await_metadata(player)
    assert player.evaluate(_TIME) == 5

    card.get_by_role("button", name=f"Play {other}").click()
    visit.page.wait_for_timeout(1)
    assert player.evaluate("player => !player.paused && player.currentTime < 5")
    assert card.locator('.span[aria-pressed="true"]').inner_text() == other


def test_a_sound_starts_at_its_segment(visit: Visit) -> None:
    """As a video does."""
    visit.open(q="rocket countdown", modality="audio").settle()
    card = visit.card("rocket-countdown-talk.mp3")
    start = card.locator(".span").first.inner_text().split("–")[0]

    player = card.locator("audio")
    _await_metadata(player)
    assert player.evaluate(_TIME) == int(start.split(":")[1])


def _alter_links(visit: Visit, change: Any) -> None:
    """Let the page have other links to media than the API gave."""

    def answer(route: Route) -> None:
        response = route.fetch()
        document = response.json()
        for result in document["results"]:
            change(result)
        route.fulfill(response=response, body=json.dumps(document))

    visit.page.route("**/api/search", answer)


def test_a_link_that_ran_out_is_renewed(visit: Visit) -> None:
    """Once, through the API, without anybody noticing."""
    _alter_links(
        visit,
        lambda result: result.update(media_url=result["media_url"].replace("/media/image/", "/media/gone/")),
    )
    with visit.page.expect_request("**/api/source?*") as asked:
        visit.open(q="tabby cat", modality="image", top_k=1)

    picture = visit.card("tabby-cat.png").locator("img")
    expect(picture).to_have_attribute("src", re.compile("/media/image/"))
    picture.evaluate("picture => picture.decode()")
    assert "tabby-cat.png" in asked.value.url


def test_a_file_that_is_gone(visit: Visit) -> None:
    """Its card says so, offers a new link, and is a card for the rest."""
    visit.page.route("**/media/image/*", lambda route: route.fulfill(status=403))
    visit.open(q="tabby cat", modality="image", top_k=1).settle()
    card = visit.card("tabby-cat.png")

    expect(card.locator(".lost")).to_contain_text(
        "It may be gone, or of a format that this browser cannot play"
    )
    visit.page.unroute("**/media/image/*")
    card.get_by_role("button", name="Try a new link").click()

    card.locator("img").evaluate("picture => picture.decode()")
    visit.expect_refusal(403)


def test_a_source_outside_of_the_bucket(visit: Visit) -> None:
    """Has no link, and none is asked for."""
    _alter_links(visit, lambda result: result.update(media_url=None))
    visit.open(q="tabby cat", modality="image", top_k=1).settle()

    expect(visit.card("tabby-cat.png").locator(".lost")).to_contain_text("outside of the configured bucket")
    assert visit.card("tabby-cat.png").locator("h3 a").count() == 0


def test_only_what_is_near_is_loaded(visit: Visit) -> None:
    """A link that nobody looks at is not followed."""
    visit.page.set_viewport_size({"width": 360, "height": 500})
    visit.open(q="cat", modality="image", top_k=11).settle()
    expect(visit.page.locator(".card img").first).to_be_visible()

    assert visit.page.locator(".card img").count() < 6
    visit.page.locator(".card").last.scroll_into_view_if_needed()
    expect(visit.page.locator(".card").last.locator("img")).to_be_visible()
