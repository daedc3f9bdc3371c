"""A real browser, and the page over a local AWS with the sample media embedded; once for all of these tests."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from browser.airflow_stand_in import AirflowStandIn
from browser.visit import Visit
from core.builders import make_run, make_settings
from core.deployment import Deployment

from nova_mme.modality import Modality
from nova_mme_local.airflow_settings import aws_environment
from nova_mme_local.samples import ROOT as SAMPLES
from nova_mme_local.server import LocalAws

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Names and texts that would run, turn the line around or leave it, if they were taken for anything but text.
HOSTILE = "<img src=x onerror=document.title='run'>\u202egnp.txt"
RUN_ID = "manual__2026-11-27T04:00:00+00:00"
_HOSTILE_TEXT = (
    b"Hostile zeppelin <script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the picture of the page in Airflow's UI goes (`make picture`)."""
    parser.addoption("--picture", help="keep a picture of the page inside Airflow's UI in this file")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser."""
    for item in items:
        if "/browser/" in item.path.as_posix():
            item.add_marker("browser")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Say at once that there is no browser, rather than once for each test."""
    if session.items and not session.config.option.collectonly and not _find_browser():
        pytest.exit(
            f"There is no browser: none of {', '.join(_programs())}. Install one (Debian, Ubuntu: sudo apt install "
            "chromium), or name yours: CHROMIUM=/path/to/it make test-browser",
            returncode=1,
        )


def _programs() -> tuple[str, ...]:
    named = os.environ.get("CHROMIUM")
    return (named,) if named else _PROGRAMS


def _find_browser() -> str | None:
    return next(filter(None, map(shutil.which, _programs())), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, which cannot find any machine but this one."""
    from playwright.sync_api import sync_playwright

    rules = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=_find_browser(), args=[rules])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def deployment() -> Iterator[Deployment]:
    """The sample media, embedded; two dead letters; and a text that is all markup."""
    with LocalAws(job_seconds=0.0) as aws, pytest.MonkeyPatch.context() as patch:
        deployment = Deployment(aws, make_settings(model_revision="local-features-1")).create()
        for name, value in {**aws_environment(aws.url), **_airflow(deployment)}.items():
            patch.setenv(name, value)
        for file in sorted(SAMPLES.rglob("*.*")):
            if Modality.of_name(file.name):
                deployment.upload(f"{file.parent.name}/{file.name}", file.read_bytes())
        deployment.upload(f"text/{HOSTILE}", _HOSTILE_TEXT)
        deployment.upload("text/empty.txt", b"")
        deployment.upload("video/broken.mp4", b"no film at all")
        for modality in Modality:
            _embed(deployment, modality)
        yield deployment


def _embed(deployment: Deployment, modality: Modality) -> None:
    shard = replace(deployment.shard(make_run(modality)), dag_run=f"embed_{modality}/{RUN_ID}")
    deployment.wait(deployment.submit(shard))
    deployment.ingest(shard)


def _airflow(deployment: Deployment) -> dict[str, str]:
    connection = {
        "conn_type": "aws",
        "extra": {"endpoint_url": deployment.aws.url, "region_name": "us-east-1"},
    }
    settings = deployment.settings
    names = ("source_uri", "output_uri", "vector_bucket", "ledger_table", "model_revision")
    return {
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        "AIRFLOW_VAR_NOVA_MME": json.dumps({name: getattr(settings, name) for name in names}),
    }


@pytest.fixture(scope="session")
def served(deployment: Deployment) -> Iterator[AirflowStandIn]:
    """The page's application, on a port."""
    with AirflowStandIn().serve() as site:
        yield site


@pytest.fixture
def site(served: AirflowStandIn) -> Iterator[AirflowStandIn]:
    """The same, without another test's refusals and runs."""
    served.refusal = 0
    served.runs.clear()
    yield served
    served.refusal = 0


@pytest.fixture
def visit(browser: Browser, site: AirflowStandIn, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A tab, of 1280 by 900 unless the test's parameters say otherwise; clean at its end."""
    options: dict[str, Any] = getattr(request, "param", {})
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(10_000)
    visit = Visit(context.new_page(), f"{site.url}/nova-mme/")
    yield visit
    visit.assert_clean()
    context.close()
