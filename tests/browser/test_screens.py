"""Telephones, light and dark, and Airflow's frame."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from browser.airflow_stand_in import AirflowStandIn
from browser.conftest import RUN_ID
from browser.visit import Visit
from playwright.sync_api import expect

STATES = [
    {},
    {"q": "rain"},
    {"q": "rain", "condition": "start < 30", "strategy": "hierarchical"},
    {"q": "hostile zeppelin " * 40},
    {"q": "rain", "prefix": "nowhere/", "modality": "document"},
    {"q": "rain", "condition": "bogus" * 30},
    {"source": "s3://media/video/gravel-path-in-the-rain.webm", "segment": 1},
    {"view": "compare", "q": "coffee cup"},
    {"view": "status"},
]
# Contrast of every text that is seen with what is behind it, as WCAG 2 counts it; those below AA are told.
_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const paint = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((value) => value / 255)
      .map((value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  };
  const light = ([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest(".aside, :disabled, option, svg"))
      continue;
    const behind = [];
    for (let one = element; one; one = one.parentElement) behind.unshift(getComputedStyle(one).backgroundColor);
    const style = getComputedStyle(element);
    const [ground, ink] = [light(paint(behind)), light(paint([...behind, style.color]))];
    const ratio = (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
    const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)} ${element.className}: ${walker.currentNode.data.slice(0, 40)}`);
  }
  return poor;
}"""


@pytest.mark.parametrize(
    "visit", [{"viewport": {"width": 360, "height": 740}, "has_touch": True}], indirect=True
)
@pytest.mark.parametrize("state", STATES, ids=str)
def test_a_telephone_scrolls_down_only(visit: Visit, state: dict) -> None:
    """360 pixels are enough for every state, long words and names included."""
    visit.open(**state).settle()

    wide = visit.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
    if "condition" in state or "prefix" in state:
        visit.complaints.clear()  # one of the conditions is none


@pytest.mark.parametrize(
    "visit", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True, ids=str
)
@pytest.mark.parametrize(
    "state", [{}, {"q": "rain"}, {"view": "compare", "q": "coffee cup"}, {"view": "status"}], ids=str
)
def test_texts_stand_out(visit: Visit, state: dict) -> None:
    """By the contrast that WCAG AA wants, light and dark."""
    visit.open(**state).settle()

    assert visit.page.evaluate(_CONTRAST) == []


def test_airflows_own_choice_of_colours_counts(visit: Visit) -> None:
    """Its UI keeps it in the browser; a change is taken up at once."""
    visit.open()
    ground = "getComputedStyle(document.body).backgroundColor"
    light = visit.page.evaluate(ground)

    other = visit.page.context.new_page()
    other.goto(visit.home)
    other.evaluate("localStorage.setItem('theme', 'dark')")

    expect(visit.page.locator("html")).to_have_attribute("data-theme", "dark")
    assert visit.page.evaluate(ground) != light


def _open_frame(visit: Visit, site: AirflowStandIn, hash_: str = "") -> Visit:
    """The page in a frame of Airflow's sandbox; the visit's locators are the frame's."""
    visit.page.goto(f"{site.url}/plugin/media-search{hash_}")
    return visit


def test_links_lead_out_of_the_frame(visit: Visit, site: AirflowStandIn) -> None:
    """Airflow's sandbox lets no link of the page leave it; the window around follows it instead."""
    _open_frame(visit, site)
    frame = visit.page.frame_locator("iframe")
    frame.get_by_label("What to search for").fill("tabby cat")
    frame.get_by_label("What to search for").press("Enter")
    card = frame.locator(".card", has_text="tabby-cat.png")

    with visit.page.context.expect_page() as opened:
        card.locator("h3 a").click()
    assert "tabby-cat.png" in opened.value.url

    card.get_by_role("link", name="Run").click()
    expect(visit.page).to_have_title("Run")
    assert unquote(visit.page.url).endswith(f"/base/dags/embed_image/runs/{RUN_ID}")


def test_the_address_bar_has_the_search(visit: Visit, site: AirflowStandIn) -> None:
    """A link that is copied from it opens Airflow with the same search, and so does reload."""
    _open_frame(visit, site, "#q=tabby+cat&modality=image")
    frame = visit.page.frame_locator("iframe")
    expect(frame.locator(".card h3").first).to_have_text("tabby-cat.png")

    frame.get_by_label("What to search for").fill("coffee cup")
    frame.get_by_label("What to search for").press("Enter")
    expect(frame.locator(".card h3").first).to_have_text("coffee-cup.jpg")
    assert visit.page.url.endswith("#q=coffee+cup&modality=image")

    visit.page.reload()
    expect(frame.locator(".card h3").first).to_have_text("coffee-cup.jpg")
