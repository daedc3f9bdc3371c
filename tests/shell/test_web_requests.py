"""What the web application lets in and gives out: kinds and sizes of requests, its files, its headers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from shell.web_site import Site

from nova_mme_airflow.web import body_limit


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_form_of_another_site_is_refused(site: Site, kind: str) -> None:
    """It would come with the user's cookie; JSON needs the browser's permission first."""
    answer = site.client.post("/api/search", content=b'{"text": "cats"}', headers={"content-type": kind})

    assert answer.status_code == 415
    assert answer.json()["detail"] == "Send JSON, with Content-Type: application/json."


def test_a_body_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether its length is announced or not."""
    most = body_limit.MOST_BYTES
    sent = {"content-type": "application/json"}

    def stream() -> Iterator[bytes]:
        yield b'{"text": "'
        for _ in range(most // 2**20 + 1):
            yield b"a" * 2**20
        yield b'"}'

    told = site.client.post("/api/search", headers=sent, content=b" " * (most + 1))
    untold = site.client.post("/api/search", headers=sent, content=stream())

    assert told.status_code == untold.status_code == 413
    assert (
        told.json() == untold.json() == {"detail": "The request is larger than 26 MB; send a smaller file."}
    )


def test_the_page_loads_nothing_from_elsewhere(site: Site) -> None:
    """Its policy names its own origin and that of the media, and lets no inline script run."""
    answer = site.client.get("/")

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert f"img-src 'self' blob: {site.deployment.aws.url}/media/;" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


def test_only_the_pages_own_files_are_served(site: Site) -> None:
    """No path leads out of the folder."""
    assert site.client.get("/static/index.html").status_code == 200
    for path in ("/static/none.js", "/static/..%2faccess.py", "/static/%2e%2e/access.py", "/static/"):
        assert site.client.get(path).status_code == 404


def test_every_file_has_a_type_that_a_browser_runs(site: Site) -> None:
    """With nosniff, a script of another type is not run."""
    from nova_mme_airflow.web import page_routes

    kinds = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    for path in page_routes._FOLDER.iterdir():
        answer = site.client.get(f"/static/{path.name}")
        assert answer.headers["content-type"].split(";")[0] == kinds[path.suffix]


def test_the_document_describes_every_route(site: Site) -> None:
    """Each with its problems as one sentence."""
    document = site.get("/openapi.json")

    assert {"/api/search", "/api/compare", "/api/source", "/api/status"} <= set(document["paths"])
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["responses"]["422"]["content"]["application/json"]["schema"] == {
                "$ref": "#/components/schemas/Problem"
            }
