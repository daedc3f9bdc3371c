"""The same query five ways, side by side."""

from __future__ import annotations

import re

from browser.visit import Visit

from nova_mme_local.samples.searches import QUERIES

_WAYS = ["256", "384", "1024", "3072", "256 → 3072"]


def test_five_ways_with_time_and_overlap(visit: Visit) -> None:
    """One column each, and a matrix with the same names."""
    visit.open(q="coffee cup").settle()
    visit.page.get_by_role("link", name="Compare").click()
    visit.settle()

    ways = visit.page.locator(".way")
    assert ways.locator("h2").all_inner_texts() == _WAYS
    assert [count(way) for way in ways.all()] == [10] * 5
    assert all(
        re.fullmatch(r"\d+ ms|\d\.\d\d s", told) for told in ways.locator(".way-time").all_inner_texts()
    )
    assert visit.page.locator(".overlaps thead th").all_inner_texts() == _WAYS
    cells = visit.page.locator(".overlaps tbody td").all_inner_texts()
    assert len(cells) == 25
    assert [cells[6 * way] for way in range(5)] == ["·"] * 5
    assert all(re.fullmatch(r"\d+\xa0%|·", cell) for cell in cells)
    assert "view=compare" in visit.page.url


def count(way) -> int:  # type: ignore[no-untyped-def]
    """How many a column has found."""
    return way.locator("li").count()


def test_what_one_way_only_has_found_is_marked(visit: Visit) -> None:
    """Exactly those."""
    visit.open(view="compare", q="coffee cup").settle()
    ways = [way.locator(".row-name").all_inner_texts() for way in visit.page.locator(".way").all()]
    expected = [name for way in ways for name in way if sum(name in other for other in ways) == 1]

    marked = visit.page.locator("li.is-alone")
    assert marked.locator(".row-name").all_inner_texts() == expected
    assert marked.locator(".badge").all_inner_texts() == ["only here"] * len(expected)


def test_a_result_is_shown_in_all_columns(visit: Visit) -> None:
    """When the pointer is on it, or the focus, and no longer."""
    visit.open(view="compare", q="coffee cup").settle()
    name = visit.page.locator(".row-name").first

    name.hover()
    assert visit.page.locator("li.is-same .row-name").all_inner_texts() == [name.inner_text()] * 5
    visit.page.locator("h1").hover()
    assert visit.page.locator("li.is-same").count() == 0
    name.focus()
    assert visit.page.locator("li.is-same").count() == 5


def test_a_file_is_compared_too(visit: Visit) -> None:
    """Without choices that do not count."""
    visit.open(view="compare").drop_and_search(QUERIES / "patch-of-sky.jpg")

    assert visit.page.locator(".way").count() == 5
    assert not visit.page.get_by_label("Strategy").is_visible()
    assert not visit.page.get_by_label("Dimension").is_visible()
