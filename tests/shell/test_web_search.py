"""The web API's searches: what it finds and tells, and what it refuses with a sentence."""

from __future__ import annotations

import base64
import json
import os
import urllib.request
from typing import Any

import pytest
from core.builders import make_run
from core.library import stock
from shell.web_site import Site

from nova_mme_local.airflow_settings import ROOT

CAT = ROOT / "include/nova_mme_local/samples/media/image/tabby-cat.png"


def _embed(site: Site, *names: str) -> None:
    for name in names:
        site.deployment.upload(f"{name}.txt", f"{name} at night".encode())
    site.deployment.embed(make_run())


@pytest.mark.parametrize("way", [{}, {"strategy": "hierarchical", "dimension": 3072}, {"dimension": 256}])
def test_words_find_the_nearest_first(site: Site, way: dict[str, Any]) -> None:
    """With score and span, in the space and the way that the answer names."""
    uris = stock(site.deployment, 6)

    found = site.post("/api/search", text="cats", top_k=3, **way)

    assert [result["uri"] for result in found["results"]] == uris[:3]
    assert found["dimension"] == way.get("dimension", 1024)
    assert found["space"] == site.deployment.settings.space.name
    assert found["results"][0]["spans"][0]["segments"] == [0, 0]
    assert "start_seconds" not in found["results"][0]["spans"][0]


def test_a_result_links_to_its_source_and_its_run(site: Site) -> None:
    """The link opens the object itself, as plain text, without credentials."""
    _embed(site, "cats")

    (result,) = site.post("/api/search", text="cats at night")["results"]

    with urllib.request.urlopen(result["media_url"], timeout=10) as answer:
        assert answer.read() == b"cats at night"
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert result["spans"][0]["snippet"] == "cats at night"
    assert result["run"] is None  # it was embedded by no run of Airflow


def test_a_file_is_a_query(site: Site) -> None:
    """In base64, with its name; it finds what was made of the same picture."""
    from nova_mme.modality import Modality

    site.deployment.upload("cat.png", CAT.read_bytes())
    site.deployment.upload("rain.txt", b"rain")
    site.deployment.embed(make_run(Modality.IMAGE))
    content = base64.b64encode(CAT.read_bytes()).decode()

    found = site.post("/api/search", media={"name": "holiday.PNG", "content": content}, modality="image")

    assert [result["name"] for result in found["results"]] == ["cat.png"]
    assert found["results"][0]["score"] > 0.9  # the job and the query are not embedded by one path
    assert found["purpose"] == "IMAGE_RETRIEVAL"


def test_a_stored_source_finds_others_without_the_model(site: Site) -> None:
    """Not itself."""
    _embed(site, "cats", "cats-too")
    before = site.deployment.calls("bedrock-runtime.InvokeModel")

    found = site.post("/api/search", source="s3://media/cats.txt", segment=0)

    assert "s3://media/cats-too.txt" in [result["uri"] for result in found["results"]]
    assert "s3://media/cats.txt" not in [result["uri"] for result in found["results"]]
    assert site.deployment.calls("bedrock-runtime.InvokeModel") == before


def test_five_ways_side_by_side(site: Site) -> None:
    """One call of the model; each way agrees with itself, and here with all others."""
    stock(site.deployment, 6)
    before = site.deployment.calls("bedrock-runtime.InvokeModel")

    found = site.post("/api/compare", text="cats", top_k=3)

    ways = [(answer["strategy"], answer["dimension"]) for answer in found["answers"]]
    assert ways == [("flat", 256), ("flat", 384), ("flat", 1024), ("flat", 3072), ("hierarchical", 3072)]
    assert found["overlaps"] == [[1.0] * 5] * 5
    assert all(result["media_url"] for answer in found["answers"] for result in answer["results"])
    assert site.deployment.calls("bedrock-runtime.InvokeModel") == before + 1


def test_what_the_ledger_knows_of_a_source(site: Site) -> None:
    """Stored, failed with the next step, or not known at all."""
    _embed(site, "cats")
    site.deployment.upload("empty.txt", b"")
    site.deployment.embed(make_run())

    stored = site.get("/api/source", uri="s3://media/cats.txt")
    failed = site.get("/api/source", uri="s3://media/empty.txt")
    unknown = site.client.get("/api/source", params={"uri": "s3://media/dogs.txt"})

    assert (stored["status"], stored["segments"], stored["next_step"]) == ("stored", {"TEXT": 1}, "")
    assert (failed["status"], failed["reason"]) == ("failed", "empty_file")
    assert failed["next_step"] == "Upload the file again with its content, or delete it."
    assert unknown.status_code == 404
    assert "has no s3://media/dogs.txt" in unknown.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        ({}, 422, "give one of text, source and media"),
        ({"text": "a", "source": "s3://media/a"}, 422, "give one of text, source and media"),
        ({"text": "a", "segment": 1}, 422, "a segment is one of a source"),
        ({"text": "a", "top_k": 0}, 422, "top_k: Input should be greater than or equal to 1"),
        ({"text": "a", "topk": 3}, 422, "topk: Extra inputs are not permitted"),
        ({"text": "  "}, 400, "The query is empty; type what to look for."),
        ({"text": "a", "strategy": "hierarchical", "dimension": 256}, 400, "it can be 1024, 3072"),
        ({"text": "a", "condition": "format ="}, 400, "Here a value was expected."),
        ({"source": "s3://media/none.txt"}, 400, "holds no vector of s3://media/none.txt"),
        ({"media": {"name": "a.png", "content": "?"}}, 400, "The content of 'a.png' is not base64"),
        ({"media": {"name": "a.png", "content": ""}}, 400, "The file 'a.png' is empty"),
        ({"media": {"name": "a.exe", "content": "YQ=="}}, 400, "no image, audio or video file"),
        ({"media": {"name": "a.png", "content": "YQ=="}}, 400, "The model does not take the query"),
    ],
)
def test_what_cannot_be_searched_with_is_a_sentence(
    site: Site, body: dict[str, Any], status: int, part: str
) -> None:
    """The person's to mend: never a 500."""
    told = site.refuse("/api/search", **body)

    assert told[0] == status
    assert part in told[1]


def test_half_a_character_is_no_500(site: Site) -> None:
    """JSON can spell a lone surrogate, which no UTF-8 can."""
    sent = {"content": b'{"text": "\\ud800"}', "headers": {"content-type": "application/json"}}

    answer = site.client.post("/api/search", **sent)

    assert answer.status_code in (400, 422)
    assert isinstance(answer.json()["detail"], str)


def test_what_aws_refuses_is_told(site: Site, account: Any) -> None:
    """A throttle asks to try again; anything else names the operation."""
    stock(site.deployment, 1)
    account.set_faults(
        {"operation": "s3vectors.QueryVectors", "probability": 1, "code": "ThrottlingException"}
    )
    busy = site.client.post("/api/search", json={"text": "cats"})
    account.set_faults(
        {"operation": "s3vectors.QueryVectors", "probability": 1, "code": "AccessDeniedException"}
    )
    denied = site.client.post("/api/search", json={"text": "cats"})

    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "2")
    assert denied.status_code == 502
    assert "AWS refused QueryVectors: AccessDeniedException" in denied.json()["detail"]


def test_a_deployment_that_is_not_there_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither settings nor a table; the page itself is served all the same, and may load nothing from elsewhere."""
    monkeypatch.setenv("AIRFLOW_VAR_NOVA_MME", json.dumps({}))
    unset = site.refuse("/api/search", text="cats")
    page = site.client.get("/")
    settings = {
        "source_uri": "s3://media",
        "output_uri": "s3://output",
        "vector_bucket": "v",
        "ledger_table": "no",
    }
    monkeypatch.setenv("AIRFLOW_VAR_NOVA_MME", json.dumps(settings))
    bare = site.refuse("/api/search", text="cats")

    assert unset == (503, "The settings lack source_uri, output_uri, vector_bucket, ledger_table.")
    assert page.status_code == 200
    assert "img-src 'self' blob:;" in page.headers["Content-Security-Policy"]
    assert bare[0] == 400
    assert "Run setup_embeddings" in bare[1]


def test_links_are_signed_for_the_buckets_own_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for the global endpoint; or for the one that browsers reach, where the settings name it."""
    from nova_mme.settings import Settings
    from nova_mme_airflow.web.deployment import OpenDeployment

    keys = {"conn_type": "aws", "login": "local", "password": "local", "extra": {"region_name": "us-east-1"}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(keys))
    settings = {
        "source_uri": "s3://media",
        "output_uri": "s3://output",
        "vector_bucket": "v",
        "ledger_table": "l",
    }

    aws = OpenDeployment(Settings.read({**settings, "bedrock_region": "eu-north-1"}))
    local = OpenDeployment(Settings.read({**settings, "media_endpoint_url": "http://127.0.0.1:4566"}))

    assert aws.links.folder == "https://s3.eu-north-1.amazonaws.com/media/"
    assert local.links.folder == "http://127.0.0.1:4566/media/"


def test_settings_are_not_read_for_each_request(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients stay as they are as long as the settings do; a change counts after ten seconds."""
    from nova_mme_airflow.web import deployment
    from nova_mme_airflow.web.deployment import Deployments

    clock = [1000.0]
    monkeypatch.setattr(deployment.time, "monotonic", lambda: clock[0])
    deployments = Deployments()
    first = deployments.open()
    changed = json.dumps({**json.loads(os.environ["AIRFLOW_VAR_NOVA_MME"]), "vector_bucket": "others"})
    monkeypatch.setenv("AIRFLOW_VAR_NOVA_MME", changed)

    clock[0] += 9
    assert deployments.open() is first
    clock[0] += 2
    second = deployments.open()
    assert second.settings.vector_bucket == "others"
    clock[0] += 11
    assert deployments.open() is second
    clock[0] += 300
    assert deployments.open() is not second  # a connection that was changed in Airflow is taken up
