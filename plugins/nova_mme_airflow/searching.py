"""`search_embeddings`: its graph and what its task does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from nova_mme_airflow.dagkit import DEFAULT_ARGS
from nova_mme_airflow.links import ReportLink
from nova_mme_airflow.operators import ReportingOperator
from nova_mme_airflow.search_form import search_params
from nova_mme_airflow.tasks import no_retry, open_clients

if TYPE_CHECKING:
    from nova_mme.search.batch import Reply
    from nova_mme.search.request import Request

log = logging.getLogger(__name__)

# An XCom is a row of Airflow's database: with the longest names, so many sources and spans of each are some 200 KB.
XCOM_SOURCES = 100
XCOM_SPANS = 3
_LOGGED_ALONE = 100
_LOGGED_EACH = 3
# Which of the three is given, and what the core calls it.
_QUERIES = {"query": "text", "source": "source", "queries_uri": ""}
_SHARED = ("modality", "condition", "prefix", "strategy", "dimension", "shortlist", "top_k", "per_source")


def search_dag(doc: str | None) -> DAG:
    """``search_embeddings``: one task."""
    with DAG(
        dag_id="search_embeddings",
        doc_md=doc,
        schedule=None,
        catchup=False,
        tags=["embeddings", "search"],
        params=search_params(),
        default_args=DEFAULT_ARGS,
    ) as dag:
        ReportingOperator(
            task_id="search",
            python_callable=search,
            doc_md="Embed the query, search the **active space**, and log a ranked table. Returns ids, scores, spans "
            "and URIs of one query, counts of many; `results.html` (to read) and `answers.jsonl` (all of it) are in "
            "the run's folder of the output URI.",
        )
    return dag


def search(*, params: dict[str, Any], ti: Any, run_id: str) -> dict[str, Any]:
    """Search for one query or for all of a file; returns what was found, or counts, and where the rest is.

    :raises AirflowFailException: for parameters that cannot be searched with, or when no query could be.
    """
    from nova_mme.search.batch import AnswerFile, search_all
    from nova_mme.search.result_page import ResultPage
    from nova_mme.search.result_table import render_table
    from nova_mme.search.searcher import Searcher
    from nova_mme.shard import run_folder

    clients = open_clients(params)
    folder = run_folder(clients.settings.output_uri, ti.dag_id, run_id)
    with no_retry(), AnswerFile() as answers:
        requests = read_requests(params, clients.s3)
        searcher = Searcher(clients.registry, clients.s3vectors, clients.bedrock, clients.settings)
        page, tally = ResultPage(len(requests)), Tally()
        is_alone = not given(params, "queries_uri")
        for reply in search_all(searcher, requests):
            log.info("\n%s", render_table(reply, _LOGGED_ALONE if is_alone else _LOGGED_EACH))
            for keeper in (answers, page, tally):
                keeper.add(reply)
        places = {
            "report_uri": page.write(clients.s3, folder),
            "answers_uri": answers.write(clients.s3, folder),
        }
    ReportLink.persist(ti, places["report_uri"])
    told = {**(tally.tell_alone() if is_alone else tally.tell()), **places}
    if tally.failed == len(requests):
        raise AirflowFailException(
            tally.problem
            if is_alone
            else f"None of {tally.failed} queries could be searched, the first because: {tally.problem} "
            f"{places['report_uri']} tells of each."
        )
    return told


def given(params: Mapping[str, Any], name: str) -> str:
    """What was typed; empty for nothing but spaces."""
    value = str(params.get(name) or "")
    return value if value.strip() else ""


def read_requests(params: Mapping[str, Any], s3: Any) -> list[Request]:
    """The searches that the form asks for.

    :raises BadSetting: naming what is wrong.
    """
    from nova_mme.errors import BadSetting
    from nova_mme.search import query_file, request_document

    names = [name for name in _QUERIES if given(params, name)]
    if len(names) != 1:
        told = f"{' and '.join(names)} are" if names else "none of them is"
        raise BadSetting(f"Give one of {', '.join(_QUERIES)}; {told} given.")
    shared = {name: params[name] for name in _SHARED if params.get(name) is not None}
    (name,) = names
    if name == "queries_uri":
        return query_file.read_requests(s3, given(params, name), shared)
    return [request_document.read_request({**shared, _QUERIES[name]: given(params, name)})]


class Tally:
    """Counts of a run, with its first answer and its first problem."""

    def __init__(self) -> None:
        self.queries = self.failed = self.sources = self.without = 0
        self.problem = ""
        self.first: Reply | None = None

    def add(self, reply: Reply) -> None:
        """Count one more."""
        self.queries += 1
        self.first = self.first or reply
        if reply.answer is None:
            self.failed += 1
            self.problem = self.problem or reply.problem
        else:
            self.sources += len(reply.answer.results)
            self.without += not reply.answer.results

    def tell(self) -> dict[str, Any]:
        """The counts."""
        return {
            "queries": self.queries,
            "failed": self.failed,
            "without_results": self.without,
            "sources": self.sources,
        }

    def tell_alone(self) -> dict[str, Any]:
        """The only answer without texts and vectors, cut to what an XCom may hold."""
        if not self.first or not (answer := self.first.answer):
            return {}
        document = answer.as_document()
        about = ("space", "strategy", "dimension", "score", "looked_at", "is_complete", "seconds")
        return {
            **{name: document[name] for name in about},
            "sources": len(answer.results),
            "results": [_cut(result) for result in document["results"][:XCOM_SOURCES]],
        }


def _cut(result: Mapping[str, Any]) -> dict[str, Any]:
    spans = [
        {name: value for name, value in span.items() if name not in ("text", "snippet", "distance")}
        for span in result["spans"][:XCOM_SPANS]
    ]
    return {**{name: result[name] for name in ("id", "uri", "modality", "score")}, "spans": spans}
