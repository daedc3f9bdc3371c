"""Everything without a mouse."""

from __future__ import annotations

from browser.visit import Visit
from playwright.sync_api import Route, expect

_FOCUS = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"


def test_from_the_first_key_to_a_player(visit: Visit) -> None:
    """Slash, words, Enter, into the cards, along them, and play."""
    visit.open()
    keys = visit.page.keyboard
    keys.press("/")
    keys.type("rain on the gravel path")
    keys.press("Enter")
    visit.settle()
    for _ in range(20):
        keys.press("Tab")
        if visit.page.evaluate("document.activeElement.matches('.card')"):
            break
    first, second = visit.names[:2]
    assert visit.page.evaluate(_FOCUS) == f"1. {first}"

    keys.press("ArrowRight")
    assert visit.page.evaluate(_FOCUS) == f"2. {second}"
    keys.press("ArrowDown")
    assert visit.page.evaluate(_FOCUS).startswith("6. ")
    keys.press("ArrowUp")
    keys.press("Home")
    assert visit.page.evaluate(_FOCUS) == f"1. {first}"

    visit.card("gravel-path-in-the-rain.webm").focus()
    keys.press("Enter")
    expect(visit.card("gravel-path-in-the-rain.webm").locator("video")).to_have_js_property("paused", False)


def test_the_focus_is_seen(visit: Visit) -> None:
    """Whatever has it by the keyboard has an outline."""
    visit.open(q="rain").settle()
    for _ in range(25):
        visit.page.keyboard.press("Tab")
        seen = visit.page.evaluate(
            """() => {
              const has = document.activeElement;
              const style = (element) => element ? getComputedStyle(element).outlineStyle : "none";
              const around = has.closest(".box"), beside = has.matches("[type=radio]") ? has.nextElementSibling : null;
              // A player's own buttons show it themselves.
              return has.matches("body, video, audio") || [has, around, beside].some((one) => style(one) !== "none");
            }"""
        )
        assert seen, visit.page.evaluate("document.activeElement.outerHTML")


def test_escape_clears(visit: Visit) -> None:
    """The words, or the file."""
    visit.open().search("rain")
    visit.page.keyboard.press("Escape")

    assert visit.words.input_value() == ""
    assert visit.page.evaluate("document.activeElement.id") == "words"


def test_escape_cancels_a_search(visit: Visit) -> None:
    """It is given up, and the words stay."""

    def hold(route: Route) -> None:
        """Answer never."""

    visit.page.route("**/api/search", hold)
    visit.open()
    visit.words.fill("rain")
    with visit.page.expect_request("**/api/search"):
        visit.words.press("Enter")
    expect(visit.page.locator(".bones").first).to_be_visible()

    with visit.page.expect_event("requestfailed"):
        visit.page.keyboard.press("Escape")

    assert visit.settle().told == "Cancelled."
    assert visit.words.input_value() == "rain"
    assert visit.page.locator(".bones").count() == 0


def test_a_retry_by_keyboard(visit: Visit) -> None:
    """The dialog takes the focus, and Escape closes it and nothing else."""
    visit.open(view="status").settle()
    button = visit.page.get_by_role("button", name="Retry empty.txt")
    button.focus()
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("dialog")).to_be_visible()

    visit.page.keyboard.press("Escape")

    expect(visit.page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()


def test_everything_has_a_name(visit: Visit) -> None:
    """Controls, players and pictures alike: what a screen reader would say."""
    for state in ({"q": "rain"}, {"view": "compare", "q": "rain"}, {"view": "status"}):
        visit.open(**state).settle()
        nameless = visit.page.evaluate(
            """() => [...document.querySelectorAll("button, a, input, select, textarea, video, audio, img")]
              .filter((one) => one.checkVisibility())
              .filter((one) => !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length ||
                one.alt !== undefined && one.hasAttribute("alt")))
              .map((one) => one.outerHTML)"""
        )
        assert nameless == []


def test_counts_and_errors_are_announced(visit: Visit) -> None:
    """They stand in live regions that were there before."""
    visit.open()

    assert visit.page.locator("#told").get_attribute("aria-live") == "polite"
    assert visit.page.locator("#trouble").get_attribute("role") == "alert"
    assert visit.page.locator("#refusal").get_attribute("role") == "alert"
