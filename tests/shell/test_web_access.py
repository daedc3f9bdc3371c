"""Who may ask the web application: Airflow's own sign-in and roles, in Airflow's own api-server application."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A process of its own: Airflow reads its configuration, and makes its auth manager, once.
_PROGRAM = """
import json
from airflow.utils.db import initdb
initdb()
from airflow.api_fastapi.app import create_app, get_auth_manager
from fastapi.testclient import TestClient
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

client = TestClient(create_app(), raise_server_exceptions=False)
document = {}
users = {"nobody": None, "guest": None, "viewer": "VIEWER", "user": "USER"}
told = {}
for name, role in users.items():
    headers = {}
    if name != "nobody":
        token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=role))
        headers = {"Authorization": f"Bearer {token}"}
    if name == "user":
        document = client.get("/nova-mme/openapi.json", headers=headers).json()
    asked = {"GET /", "GET /static/index.html", "GET /openapi.json", "GET /api/status", "GET /api/source",
             "GET /api/embeddings/x", "POST /api/search", "POST /api/compare", "POST /api/embeddings/generate"}
    told[name] = {}
    for one in sorted(asked):
        method, path = one.split()
        body = {"json": {}} if method == "POST" else {}
        told[name][one] = client.request(method, f"/nova-mme{path}", headers=headers, **body).status_code
    if not headers:  # a body that FastAPI would answer with 422 once it has read it
        broken = client.post("/nova-mme/api/search", content=b"{", headers={"content-type": "application/json"})
        told[name]["broken body"] = broken.status_code
    # The UI's cookie is as good as a token: the page's own requests carry it.
    if headers:
        client.cookies.set("_token", token)
        told[name]["cookie"] = client.get("/nova-mme/openapi.json").status_code
        client.cookies.clear()
print(json.dumps({"told": told, "paths": sorted(document["paths"]), "views": [
    view for view in client.get("/api/v2/plugins", headers=headers | {"Authorization": "Bearer " + get_auth_manager()
    .generate_jwt(SimpleAuthManagerUser(username="a", role="ADMIN"))}).json()["plugins"] if view["name"] == "nova_mme"
][0]["external_views"]}))
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What each kind of user was answered on each route."""
    home = tmp_path_factory.mktemp("airflow")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "viewer:viewer,user:user",
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of this test, long enough for SHA-512 to be content with it ....",
        "PYTHONPATH": str(ROOT / "include"),
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_nobody_is_let_in_without_a_sign_in(asked: dict) -> None:
    """Neither to the page, nor to its files, nor to the OpenAPI document; and no body is read before that is known."""
    assert set(asked["told"]["nobody"].values()) == {401}


def test_who_may_not_read_the_search_dag_may_nothing(asked: dict) -> None:
    """A user without a role is signed in and refused."""
    assert set(asked["told"]["guest"].values()) == {403}


def test_who_may_read_may_search_but_not_store(asked: dict) -> None:
    """The routes answer: 422 is what an empty body deserves, 503 a deployment that is not set up."""
    told = asked["told"]["viewer"]

    assert told.pop("POST /api/embeddings/generate") == 403
    assert {told.pop(name) for name in ("POST /api/search", "POST /api/compare", "GET /api/source")} == {422}
    assert {told.pop(name) for name in ("GET /api/status", "GET /api/embeddings/x")} == {503}
    assert set(told.values()) == {200}


def test_who_may_run_the_search_dag_may_store(asked: dict) -> None:
    """422: let in, and asked for a text."""
    assert asked["told"]["user"]["POST /api/embeddings/generate"] == 422


def test_every_route_was_asked(asked: dict) -> None:
    """Or a new one could be open to everybody."""
    named = {
        name.split()[-1].replace("embeddings/x", "embeddings/{embedding_id}")
        for name in asked["told"]["user"]
    }

    assert set(asked["paths"]) <= named


def test_airflow_shows_the_page(asked: dict) -> None:
    """As an external view, by a relative address."""
    (view,) = asked["views"]

    assert (view["name"], view["href"], view["url_route"]) == ("Media search", "nova-mme/", "media-search")
