"""What goes wrong is told in a sentence, with a way on."""

from __future__ import annotations

from typing import Any

import pytest
from browser.airflow_stand_in import AirflowStandIn
from browser.visit import Visit
from core.deployment import Deployment
from playwright.sync_api import Route, expect


def test_not_signed_in(visit: Visit, site: AirflowStandIn) -> None:
    """There is a link to where one signs in, and trying again works afterwards."""
    visit.open()
    site.refusal = 401
    visit.search("rain")

    assert visit.trouble == "You are not signed in to Airflow, or no longer. Sign in, then try again."
    sign_in = visit.page.get_by_role("link", name="Sign in")
    assert (sign_in.get_attribute("href") or "").endswith("/base/auth/login/")
    visit.expect_refusal(401)

    site.refusal = 0
    visit.page.get_by_role("button", name="Try again").click()
    assert visit.settle().names
    assert visit.page.locator("#trouble").inner_text() == ""


def test_not_allowed(visit: Visit, site: AirflowStandIn) -> None:
    """Who could change that is told."""
    visit.open()
    site.refusal = 403
    visit.search("rain")

    assert visit.trouble.startswith("Your Airflow user may not do this.")
    visit.expect_refusal(403)


def test_a_condition_that_is_none(visit: Visit) -> None:
    """With a caret below what is wrong."""
    visit.open(q="rain", condition="format is mp4").settle()

    assert "was expected" in visit.trouble
    lines = visit.page.locator("#trouble pre").inner_text().splitlines()
    assert [line.strip() for line in lines] == ["format is mp4", "^"]
    visit.expect_refusal(400)


def test_a_field_that_is_out_of_bounds(visit: Visit) -> None:
    """A link may ask for anything: the API refuses, and the page says what."""
    visit.open(q="rain", top_k=5000).settle()

    assert visit.trouble.startswith("top_k: ")
    visit.expect_refusal(422)


def test_nothing_answers(visit: Visit) -> None:
    """The api-server is away."""
    visit.open()
    visit.page.route("**/api/search", lambda route: route.abort("connectionrefused"))
    visit.search("rain")

    assert visit.trouble.startswith("Airflow's api-server cannot be reached.")
    assert any("ERR_CONNECTION_REFUSED" in one for one in visit.complaints)
    visit.complaints.clear()


def test_a_proxy_answers(visit: Visit) -> None:
    """With a page of its own instead of JSON."""
    visit.open()
    visit.page.route("**/api/search", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    visit.search("rain")

    assert visit.trouble.startswith("The api-server answered 502")
    visit.expect_refusal(502)


def test_aws_refuses(visit: Visit, deployment: Deployment) -> None:
    """It is told what it said."""
    faults: list[dict[str, Any]] = [
        {"operation": "bedrock-runtime.InvokeModel", "status": 403, "code": "AccessDeniedException"}
    ]
    visit.open()
    deployment.put_faults(*faults)
    try:
        visit.search("rain")
    finally:
        deployment.put_faults()

    assert "AccessDeniedException" in visit.trouble
    visit.expect_refusal(502)


def test_only_the_last_search_is_shown(visit: Visit) -> None:
    """An earlier one is given up, and what it would have found does not come later."""
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if "cat" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    visit.page.route("**/api/search", hold_first)
    visit.open()
    visit.words.fill("cat")
    with visit.page.expect_request("**/api/search"):
        visit.words.press("Enter")
    with visit.page.expect_event("requestfailed"):
        visit.search("rain on a roof")

    assert visit.names[0] == "rain-on-a-roof.mp3"
    assert len(held) == 1


@pytest.mark.parametrize("view", ["search", "compare", "status"])
def test_waiting_is_seen(visit: Visit, view: str) -> None:
    """As the outlines of what will be there."""
    visit.page.route("**/api/*", lambda route: None)
    visit.open(view=view, q="rain")

    expect(visit.page.locator(".bones").first).to_be_visible()
    assert visit.page.locator("#found").get_attribute("aria-busy") == "true"
