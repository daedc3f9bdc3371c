"""search_embeddings: its graph, its form, and what its task finds, refuses, returns and keeps."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from core.deployment import Deployment
from core.library import stock
from shell.reconciling_run import SETTINGS

from nova_mme_airflow import searching
from nova_mme_airflow.links import ReportLink

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "s3://output/nova/runs/search_embeddings/manual__1"


class Search:
    """Runs of the DAG's task over a deployment with twelve pictures, the first nearest to cats."""

    dag_id = "search_embeddings"

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.uris = stock(deployment, 12)
        self.xcoms: dict[str, Any] = {}

    def run(self, **params: Any) -> dict[str, Any]:
        """The task; its answer goes through JSON, as XCom does."""
        return json.loads(json.dumps(searching.search(params=params, ti=self, run_id="manual__1")))

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep a link."""
        self.xcoms[key] = value

    def read(self, uri: str) -> str:
        """An object of the output bucket."""
        key = uri.removeprefix("s3://output/")
        return self.deployment.s3.get_object(Bucket="output", Key=key)["Body"].read().decode()

    def ask(self, *lines: Any) -> str:
        """Upload a file of queries; returns its URI."""
        return self.deployment.upload("queries.jsonl", "\n".join(map(json.dumps, lines)).encode()).uri


@pytest.fixture
def search(account, monkeypatch) -> Search:
    """A deployment that is stocked."""
    monkeypatch.setenv("AIRFLOW_VAR_NOVA_MME", json.dumps(SETTINGS))
    monkeypatch.setenv("AWS_ENDPOINT_URL", account.url)
    deployment = Deployment(SimpleNamespace(url=account.url))  # type: ignore[arg-type]
    deployment.store.ensure()
    deployment.ledger.ensure()
    return Search(deployment)


@pytest.fixture(scope="module")
def dag() -> Any:
    """The DAG as its file makes it."""
    import runpy

    return runpy.run_path(str(ROOT / "dags" / "search_embeddings.py"))["dag"]


@pytest.mark.parametrize("way", [{}, {"strategy": "hierarchical", "dimension": 3072}, {"dimension": 256}])
def test_words_find_the_nearest_first(search: Search, way: dict[str, Any]) -> None:
    """Ids, scores, spans and URIs; no vector."""
    found = search.run(query="cats", top_k=3, **way)

    assert [result["uri"] for result in found["results"]] == search.uris[:3]
    scores = [result["score"] for result in found["results"]]
    assert scores == sorted(scores, reverse=True)
    best = found["results"][0]
    assert set(best) == {"id", "uri", "modality", "score", "spans"}
    assert best["spans"][0]["key"] == f"{best['id']}/IMAGE/0"
    assert (found["dimension"], found["strategy"]) == (
        way.get("dimension", 1024),
        way.get("strategy", "flat"),
    )
    assert len(json.dumps(found)) < 2000  # 256 numbers are longer


def test_the_table_is_logged_and_the_page_is_linked(search: Search, caplog: Any) -> None:
    """Two objects in the run's folder, and a link to the one that is read."""
    with caplog.at_level(logging.INFO, logger=searching.log.name):
        found = search.run(query="cats <b>")

    assert "Query 1: cats <b>" in caplog.text
    assert search.uris[0] in caplog.text
    assert found["report_uri"] == f"{FOLDER}/results.html"
    assert found["answers_uri"] == f"{FOLDER}/answers.jsonl"
    assert search.xcoms[ReportLink.key].endswith("/output/nova/runs/search_embeddings/manual__1/results.html")
    page = search.read(found["report_uri"])
    assert "cats &lt;b&gt;" in page
    assert search.uris[0] in page
    (answer,) = map(json.loads, search.read(found["answers_uri"]).splitlines())
    assert [result["uri"] for result in answer["results"]] == [item["uri"] for item in found["results"]]


def test_a_stored_source_finds_others_without_the_model(search: Search) -> None:
    """As it was embedded, by its run; it is not found itself."""
    from core.builders import make_run

    for name in ("cats", "cats-too"):
        search.deployment.upload(f"{name}.txt", b"cats at night")
    search.deployment.embed(make_run())

    found = search.run(source="s3://media/cats.txt", modality="text", top_k=1)

    assert [result["uri"] for result in found["results"]] == ["s3://media/cats-too.txt"]
    assert found["results"][0]["spans"][0]["start_character"] == 0
    assert not {"text", "snippet"} & set(found["results"][0]["spans"][0])
    # stock() has asked once for the vector of cats.
    assert search.deployment.calls("bedrock-runtime.InvokeModel") == 1


def test_modality_condition_and_prefix_limit_the_search(search: Search) -> None:
    """Together with the settings' source_uri, below which a prefix is."""
    stock(search.deployment, 2, place="s3://media/2026", fileType="png")

    found = search.run(query="cats", modality="image", condition="format = png", prefix="2026/")

    assert [result["uri"] for result in found["results"]] == [
        "s3://media/2026/0.png",
        "s3://media/2026/1.png",
    ]
    assert search.run(query="cats", modality="audio")["results"] == []


def test_many_queries_are_a_batch(search: Search) -> None:
    """Counts in the XCom; every answer in its line, in the file's order, however many there are."""
    uri = search.ask(*({"text": f"cats {number}"} for number in range(40)), {"text": "cats", "top_k": 2})

    found = search.run(queries_uri=uri, top_k=3)

    assert found == {
        "queries": 41,
        "failed": 0,
        "without_results": 0,
        "sources": 122,
        "report_uri": f"{FOLDER}/results.html",
        "answers_uri": f"{FOLDER}/answers.jsonl",
    }
    answers = [json.loads(line) for line in search.read(found["answers_uri"]).splitlines()]
    assert [answer["number"] for answer in answers] == list(range(1, 42))
    assert answers[39]["query"] == {"text": "cats 39"}
    assert [result["uri"] for result in answers[40]["results"]] == search.uris[:2]


def test_a_query_that_cannot_be_searched_holds_no_other_up(search: Search) -> None:
    """It is counted, and told in its line and on the page."""
    uri = search.ask({"source": "s3://media/none.png"}, {"text": "cats"})

    found = search.run(queries_uri=uri)

    assert (found["queries"], found["failed"]) == (2, 1)
    first, second = map(json.loads, search.read(found["answers_uri"]).splitlines())
    assert "holds no vector of s3://media/none.png" in first["error"]
    assert second["results"]
    assert "holds no vector" in search.read(found["report_uri"])


def test_a_batch_of_which_none_could_be_searched_fails(search: Search) -> None:
    """With the first reason, and the page that has them all."""
    uri = search.ask({"source": "s3://media/a.png"}, {"source": "s3://media/b.png"})

    with pytest.raises(
        AirflowFailException, match=r"None of 2 queries .*no vector of .*a\.png.*results\.html"
    ):
        search.run(queries_uri=uri)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({}, "Give one of query, source, queries_uri; none of them is given"),
        ({"query": " ", "source": None}, "none of them is given"),
        ({"query": "cats", "source": "s3://media/a.png"}, "query and source are given"),
        ({"query": "cats", "queries_uri": "s3://media/q.jsonl"}, "query and queries_uri are given"),
        ({"query": "cats", "dimension": 256, "strategy": "hierarchical"}, "for a hierarchical search"),
        ({"query": "cats", "condition": "colour ="}, "colour ="),
        ({"query": "cats", "top_k": 1001}, "top_k is 1001"),
        ({"source": "s3://media/none.png"}, "holds no vector of s3://media/none.png"),
        ({"source": "s3://media/"}, "no object in it"),
        ({"queries_uri": "s3://media/none.jsonl"}, "no object s3://media/none.jsonl"),
        ({"query": "cats", "vector_bucket": "others"}, "vector_bucket"),
    ],
)
def test_what_cannot_be_searched_fails_with_a_sentence(
    search: Search, params: dict[str, Any], sentence: str
) -> None:
    """At once: no retry mends it, and no model was asked."""
    before = search.deployment.calls("bedrock-runtime.InvokeModel")

    with pytest.raises(AirflowFailException, match=sentence):
        search.run(**params)

    asked = search.deployment.calls("bedrock-runtime.InvokeModel") - before
    assert asked == (1 if "vector_bucket" in params else 0)


def test_a_bad_line_fails_before_anything_is_asked(search: Search) -> None:
    """By its number."""
    before = search.deployment.calls("bedrock-runtime.InvokeModel")

    with pytest.raises(AirflowFailException, match="Line 2 of the query file"):
        search.run(queries_uri=search.ask({"text": "cats"}, {"text": ""}))

    assert search.deployment.calls("bedrock-runtime.InvokeModel") == before


def test_trouble_of_aws_is_retried(search: Search) -> None:
    """Which query it was stands in the notes."""
    from botocore.exceptions import ClientError

    search.deployment.put_faults(
        {"operation": "s3vectors.QueryVectors", "code": "AccessDeniedException", "status": 403}
    )

    with pytest.raises(ClientError) as caught:
        search.run(query="cats")

    assert caught.value.__notes__ == ["It was query 1."]


@pytest.mark.matrix_default_only  # 3.2.1's own botocore has no pages of QueryVectors
def test_an_xcom_holds_a_hundred_sources_and_three_spans_of_each(search: Search) -> None:
    """What is over is counted, and in the answers."""
    uris = stock(search.deployment, 130, place="s3://media/many")

    found = search.run(query="cats", top_k=120, prefix="many/")

    assert (found["sources"], len(found["results"])) == (120, searching.XCOM_SOURCES)
    (answer,) = map(json.loads, search.read(found["answers_uri"]).splitlines())
    assert [result["uri"] for result in answer["results"]] == uris[:120]


def test_the_graph(dag: Any) -> None:
    """One task, started by a person or a program, with a link to its page."""
    (task,) = dag.tasks

    assert task.task_id == "search"
    assert dag.schedule is None
    assert task.retries >= 2
    assert [type(link) for link in task.operator_extra_links] == [ReportLink]
    assert all(dag.params.get_param(name).schema.get("section") for name in dag.params)


def test_the_forms_bounds_are_the_cores(dag: Any) -> None:
    """The form cannot import the core at parse time; its numbers are held to the core's here."""
    from nova_mme.modality import Modality
    from nova_mme.nova import QUERY_CHARACTERS
    from nova_mme.search.condition_text import MAX_CHARACTERS
    from nova_mme.search.query import TextQuery
    from nova_mme.search.request import MAX_FOUND, MAX_TOP_K, PAGE, Request, Strategy
    from nova_mme.search.request_document import ALL
    from nova_mme.space import DIMENSIONS

    schemas = {name: dag.params.get_param(name).schema for name in dag.params}

    assert [schemas[name]["maximum"] for name in ("top_k", "per_source", "shortlist")] == [
        MAX_TOP_K,
        PAGE,
        MAX_FOUND,
    ]
    assert schemas["query"]["maxLength"] == QUERY_CHARACTERS
    assert schemas["condition"]["maxLength"] == MAX_CHARACTERS
    assert schemas["dimension"]["enum"] == list(DIMENSIONS)
    assert schemas["modality"]["enum"] == [ALL, *Modality]
    assert schemas["strategy"]["enum"] == list(Strategy)
    (asked,) = searching.read_requests({**dag.params.validate(), "query": "cats"}, None)
    assert asked == Request(query=TextQuery("cats"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dimension", 512),
        ("top_k", 0),
        ("modality", "smell"),
        ("source", "/media/a.png"),
        ("query", "x" * 8193),
    ],
)
def test_the_form_refuses_what_the_core_refuses(dag: Any, name: str, value: Any) -> None:
    """When the run is made, before the task starts."""
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dag.params.get_param(name).resolve(value=value)
