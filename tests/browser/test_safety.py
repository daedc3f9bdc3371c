"""Names and texts are shown, never run; the page asks nobody else; and it holds nothing that could be injected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser.conftest import HOSTILE
from browser.visit import Visit
from playwright.sync_api import expect

PAGE = Path(__file__).resolve().parents[2] / "plugins" / "nova_mme_airflow" / "web" / "page"
SCRIPTS = sorted(PAGE.glob("*.js"))
# Without the mark that would turn the line around.
_SHOWN = HOSTILE.replace("\u202e", "")


@pytest.mark.parametrize("view", ["search", "compare"])
def test_a_hostile_name_and_text_are_shown(visit: Visit, view: str) -> None:
    """To the letter, but for what turns the direction of writing."""
    visit.open(view=view, q="hostile zeppelin").settle()

    name = visit.page.locator(".card h3, .row-name").first
    assert name.inner_text() == _SHOWN
    assert visit.page.locator("#found img[src='x'], #found script").count() == 0
    if view == "search":
        text = visit.page.locator("blockquote").first.inner_text()
        assert text.startswith("Hostile zeppelin <script>document.title='run'</script><img src=x")
    assert visit.page.title() == "hostile zeppelin · Media search"


def test_a_hostile_example_is_shown(visit: Visit) -> None:
    """As a source, and as the name of a file."""
    visit.open(q="hostile zeppelin").settle()
    visit.page.locator(".card").first.get_by_role("button", name="More like this").click()
    visit.settle()
    assert _SHOWN in visit.page.locator(".chip").inner_text()

    visit.open(file="<img src=x onerror=alert(1)>.png")
    assert "<img src=x onerror=alert(1)>.png" in visit.page.locator("#refusal").inner_text()


def test_a_hostile_address_is_words(visit: Visit) -> None:
    """Whatever a link says is searched with, shown, or passed over."""
    visit.open(
        q="<img src=x onerror=alert(1)>", modality="<b>", dimension="9e9", top_k="-1", view="x", __proto__="1"
    ).settle()

    assert visit.words.input_value() == "<img src=x onerror=alert(1)>"
    assert len(visit.names) == 10


@pytest.mark.parametrize(
    "address", ["javascript:document.title='run'", "data:text/html,<script>1</script>", "//["]
)
def test_a_link_of_another_kind_is_none(visit: Visit, address: str) -> None:
    """Should the API ever answer one, nothing follows it."""

    def answer(route) -> None:  # type: ignore[no-untyped-def]
        response = route.fetch()
        document = response.json()
        for result in document["results"]:
            result["media_url"] = address
        route.fulfill(response=response, json=document)

    visit.page.route("**/api/search", answer)
    visit.page.route("**/api/source?*", lambda route: route.fulfill(json={"media_url": address}))
    visit.open(q="tabby cat", modality="image", top_k=1).settle()

    expect(visit.card("tabby-cat.png").locator(".lost")).to_be_visible()
    assert visit.page.locator("#found a[href^='javascript'], #found a[href^='data'], #found img").count() == 0


def test_inline_scripts_do_not_run(visit: Visit) -> None:
    """The policy that comes with the page holds, should all else fail."""
    visit.open()
    visit.page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'run'";
          document.body.append(script);
        }"""
    )

    assert visit.page.title() == "Media search"
    assert any("Content Security Policy" in one for one in visit.complaints)
    visit.complaints.clear()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_of_text(script: Path) -> None:
    """Nor code: there is just no way in."""
    text = script.read_text()

    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|createContextualFragment|\beval\b"
        r"|new Function|setTimeout\(\s*['\"`]",
        text,
    )
    assert not re.search(r"\bimport\s*\(|from ['\"](?!\./)", text), "only its own files"


def test_all_scripts_are_asked_for_at_once() -> None:
    """The page names each, or it would be found only when another one has come."""
    named = re.findall(r"(?:href|src)=\"static/(\w+\.js)\"", (PAGE / "index.html").read_text())

    assert sorted(named) == [script.name for script in SCRIPTS]


def test_the_page_loads_its_own_files_only() -> None:
    """No inline script or style, which the policy forbids, and no other site."""
    page = (PAGE / "index.html").read_text()

    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=\"static/)", page)
    assert not re.search(r"(?:src|href)=\"(?!static/|#)", page)
    styles = "".join(path.read_text() for path in PAGE.glob("*.css"))
    assert not re.search(r"url\(|@import", styles)


@pytest.mark.parametrize("file", sorted(PAGE.iterdir()), ids=lambda path: path.name)
def test_files_stay_small(file: Path) -> None:
    """As everywhere in this project."""
    assert len(file.read_text().splitlines()) <= 300
