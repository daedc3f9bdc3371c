"""Searching: `POST api/search`, `POST api/compare`, `GET api/source`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel

from nova_mme.dead_letter import describe, read_run_name
from nova_mme.ledger import Ledger
from nova_mme.search.comparison import WAYS, compare_answers
from nova_mme.search.request import Request
from nova_mme.search.request_document import read_request
from nova_mme.source import S3Uri, Source
from nova_mme_airflow.web.answer import ComparisonAnswer, SearchAnswer, SourceAnswer
from nova_mme_airflow.web.body import Comparison, Search, Uri
from nova_mme_airflow.web.deployment import OpenDeployment
from nova_mme_airflow.web.lane import Lane


def search_routes(find: Callable[[], OpenDeployment], lane: Lane) -> APIRouter:
    """The routes.

    :param find: opens the deployment.
    :param lane: what searches run in.
    """
    router = APIRouter(tags=["search"])

    @router.post("/api/search", response_model=SearchAnswer)
    async def search(body: Search) -> Response:
        """Find sources by words, by a file, or by a stored source they are like."""
        return await lane.answer(lambda: _search(body, find()))

    @router.post("/api/compare", response_model=ComparisonAnswer)
    async def compare(body: Comparison) -> Response:
        """The same query at 256, 384, 1024 and 3072 dimensions and hierarchically, with what they have in common."""
        return await lane.answer(lambda: _compare(body, find()))

    @router.get("/api/source", response_model=SourceAnswer)
    def source(uri: Annotated[Uri, Query(description="s3://bucket/key")]) -> dict[str, Any]:
        """What the ledger knows of one source: whether it is stored, and else why not and what to do."""
        S3Uri.parse(uri)
        deployment = find()
        active = deployment.clients.registry.read().active.space
        asked = Source(uri, "", 0, 0)
        row = deployment.clients.ledger_of(active).rows([asked]).get(asked.object_id)
        if row is None:
            raise HTTPException(404, f"The ledger of the space {active.name!r} has no {uri}. Embed it first.")
        return {**describe(row), "media_url": deployment.links.sign(uri)}

    return router


def _search(body: Search, deployment: OpenDeployment) -> dict[str, Any]:
    document = deployment.searcher.search(_read(body)).as_document()
    _tell_more([document], deployment)
    return document


def _compare(body: Comparison, deployment: OpenDeployment) -> dict[str, Any]:
    document = compare_answers(deployment.searcher.compare(_read(body), WAYS))
    _tell_more(document["answers"], deployment)
    return document


def _read(body: BaseModel) -> Request:
    return read_request(body.model_dump(exclude_unset=True))


def _tell_more(documents: list[dict[str, Any]], deployment: OpenDeployment) -> None:
    """Add to each result a link to its source, and the run that embedded it."""
    results = [result for document in documents for result in document["results"]]
    if not results:
        return
    clients, space = deployment.clients, documents[0]["space"]
    members = clients.registry.read().members
    sources = [Source(uri, "", 0, 0) for uri in {result["uri"] for result in results} if uri]
    # Gone only when the space was deleted since the search; then there is nobody to ask for the runs.
    ledger: Ledger | None = clients.ledger_of(members[space].space) if space in members else None
    rows = ledger.rows(sources) if ledger else {}
    links = {source.uri: deployment.links.sign(source.uri) for source in sources}
    for result in results:
        row = rows.get(result["id"])
        result["run"] = read_run_name(row.run) if row else None
        result["media_url"] = links.get(result["uri"])
