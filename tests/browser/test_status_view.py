"""The status view, and dead letters that are tried again."""

from __future__ import annotations

from browser.airflow_stand_in import AirflowStandIn
from browser.visit import Visit
from playwright.sync_api import expect


def test_spaces_with_their_coverage(visit: Visit) -> None:
    """Of each modality: how much of it is stored, and a bar that says the same."""
    visit.open()
    visit.page.get_by_role("link", name="Status").click()
    visit.settle()

    space = visit.page.locator(".space")
    assert space.locator("h3").inner_text() == "nova-2-mme-v1-0-local-features-1 active"
    assert space.locator(".coverage-name").all_inner_texts() == [
        "Audio",
        "Document",
        "Image",
        "Text",
        "Video",
    ]
    assert space.get_by_role("img", name="Video: 4 stored, 1 failed").is_visible()
    assert space.locator(".coverage-share").all_inner_texts()[-1] == "80\xa0%"
    assert visit.told == "1 space, 2 dead letters."


def test_backlog_and_cost(visit: Visit) -> None:
    """As figures, and the cost by modality."""
    visit.open(view="status").settle()

    figures = visit.page.locator(".figure").all_inner_texts()
    assert "2\nfailed" in [figure.replace("\n\n", "\n") for figure in figures]
    assert "$" in visit.page.get_by_role("heading", name="Cost so far").locator("..").inner_text()
    assert set(visit.page.locator(".costs th").all_inner_texts()) == {
        "Audio",
        "Document",
        "Image",
        "Text",
        "Video",
    }


def test_a_dead_letter_says_why_and_what_to_do(visit: Visit) -> None:
    """In the words of the ledger."""
    visit.open(view="status").settle()

    letter = visit.page.locator(".letters li", has_text="text/empty.txt")
    assert "The file is empty" in letter.inner_text()
    assert "Upload the file again with its content, or delete it." in letter.locator(".next").inner_text()


def test_a_retry_is_asked_for_first(visit: Visit, site: AirflowStandIn) -> None:
    """Then Airflow's own API starts the DAG for just that source, and the run is a link."""
    visit.open(view="status").settle()
    visit.page.get_by_role("button", name="Retry empty.txt").click()
    dialog = visit.page.get_by_role("dialog")
    assert "paid for again" in dialog.inner_text()
    dialog.get_by_role("button", name="Cancel").click()
    assert site.runs == []

    visit.page.get_by_role("button", name="Retry empty.txt").click()
    dialog.get_by_role("button", name="Retry").click()

    run = visit.page.get_by_role("link", name="manual__2026-11-27T05:00:00+00:00/1")
    run.wait_for()
    body = {"logical_date": None, "conf": {"retry_failed": True, "prefix": "text/empty.txt"}}
    assert site.runs == [("embed_text", body)]
    run.click()
    expect(visit.page).to_have_title("Run")
    assert visit.page.url.endswith("/base/dags/embed_text/runs/manual__2026-11-27T05%3A00%3A00%2B00%3A00%2F1")


def test_all_of_a_modality_is_tried_again(visit: Visit, site: AirflowStandIn) -> None:
    """By one run, without a prefix."""
    visit.open(view="status").settle()
    visit.page.get_by_role("button", name="Retry all videos").click()
    visit.page.get_by_role("dialog").get_by_role("button", name="Retry").click()

    visit.page.get_by_text("Started:").wait_for()
    assert [(dag, body["conf"]["prefix"]) for dag, body in site.runs] == [("embed_video", "")]


def test_a_retry_that_is_not_allowed(visit: Visit, site: AirflowStandIn) -> None:
    """Is told beside the source; the rest stays."""
    visit.open(view="status").settle()
    site.refusal = 403
    visit.page.get_by_role("button", name="Retry broken.mp4").click()
    visit.page.get_by_role("dialog").get_by_role("button", name="Retry").click()

    expect(visit.page.locator(".letters li", has_text="broken.mp4")).to_contain_text("may not do this")
    visit.expect_refusal(403)


def test_a_long_count_is_waited_for(visit: Visit) -> None:
    """How far it is, and then what it found; nobody has to ask again."""
    answers = iter(({"counting": 12_345}, None))

    def answer(route) -> None:  # type: ignore[no-untyped-def]
        counting = next(answers, None)
        route.fulfill(json=counting) if counting else route.continue_()

    visit.page.route("**/api/status", answer)
    visit.open(view="status")

    expect(visit.page.locator("#told")).to_have_text("Counting: 12,345 rows of the ledger so far.")
    assert visit.settle().told.startswith("1 space")
