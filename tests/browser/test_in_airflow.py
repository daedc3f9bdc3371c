"""The page in a real Airflow: in its UI's frame, with its sign-in, its runs, and media in local AWS."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser.visit import Visit
from e2e.conftest import Deployment, ready, stack  # noqa: F401
from PIL import Image
from playwright.sync_api import FrameLocator, expect

from nova_mme.modality import Modality
from nova_mme_local.samples import ROOT as SAMPLES

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_PICTURE = {"width": 1280, "height": 860}
# Airflow's first pages are large, and two cores may have other things to do.
_PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def stocked(ready: Deployment) -> Deployment:  # noqa: F811
    """The sample media, embedded by the DAGs, and a dead letter."""
    ready.put("text/empty.txt", b"")
    runs = {}
    for modality in Modality:
        ready.upload(modality.value, *(file for file in (SAMPLES / modality).iterdir()))
        runs[f"embed_{modality}"] = ready.start(f"embed_{modality}")
    for dag_id, run_id in runs.items():
        assert ready.finish(dag_id, run_id)[0] == "success"
    return ready


@pytest.fixture
def visit(browser: Browser, stocked: Deployment) -> Iterator[Visit]:
    """A tab of somebody who has never been here."""
    url = stocked.api.url.replace("127.0.0.1", "localhost")
    context = browser.new_context(viewport=_PICTURE)
    context.set_default_timeout(_PATIENCE_MS)
    expect.set_options(timeout=_PATIENCE_MS)
    yield Visit(context.new_page(), url)
    expect.set_options(timeout=5_000)
    context.close()


def _enter(visit: Visit) -> FrameLocator:
    """Go in by Airflow's front door, which signs in, and then by its menu."""
    visit.page.goto(visit.home)
    visit.page.get_by_role("button", name="Browse").click()
    visit.page.get_by_role("menuitem", name="Media search").click()
    return visit.page.frame_locator("iframe[title='Media search']")


def _search(frame: FrameLocator, text: str) -> None:
    expect(frame.get_by_role("heading", name="Search by words")).to_be_visible()
    words = frame.get_by_label("What to search for")
    words.fill(text)
    words.press("Enter")
    expect(frame.locator("#found:not([aria-busy]) .card").first).to_be_visible()


def test_a_search_in_airflows_frame(visit: Visit, request: pytest.FixtureRequest) -> None:
    """By its menu and its cookie; pictures and films are there, and the run that embedded one is a click away."""
    frame = _enter(visit)
    _search(frame, "coffee cup")
    film = frame.locator(".card", has_text="coffee-break.mp4")
    film.locator("video").evaluate(
        "video => video.readyState >= 2 || new Promise(go => video.oncanplay = go)"
    )
    frame.locator(".card", has_text="coffee-cup.jpg").locator("img").evaluate("picture => picture.decode()")
    if picture := request.config.getoption("picture"):
        _take(visit, Path(picture))

    film.get_by_role("link", name="Run").click()

    visit.page.wait_for_url("**/dags/embed_video/runs/*")
    expect(visit.page.get_by_text("embed_video").first).to_be_visible()
    visit.assert_local()


def _take(visit: Visit, picture: Path) -> None:
    picture.parent.mkdir(parents=True, exist_ok=True)
    visit.page.mouse.move(0, 400)
    whole = Image.open(BytesIO(visit.page.screenshot(animations="disabled")))
    # 256 colours are enough to see it by, and a third of the bytes.
    whole.convert("RGB").quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(picture, optimize=True)


def test_a_retry_starts_a_run(visit: Visit, stocked: Deployment) -> None:
    """Of just that source; the link shows it in Airflow."""
    frame = _enter(visit)
    frame.get_by_role("link", name="Status").click()
    frame.get_by_role("button", name="Retry empty.txt").click()
    frame.get_by_role("dialog").get_by_role("button", name="Retry").click()
    run = frame.locator(".started a")
    run_id = run.inner_text()

    told = stocked.api.run("embed_text", run_id)
    assert told["conf"] == {"retry_failed": True, "prefix": "text/empty.txt"}
    _, summary = stocked.finish("embed_text", run_id)
    assert (summary["sources"], summary["failed"]) == (1, 1)

    run.click()
    visit.page.wait_for_url("**/dags/embed_text/runs/*")
