"""The FastAPI application: every route behind the same two questions, who asks and whether they may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, FastAPI, Request, Response

from nova_mme_airflow.web.body_limit import BodyLimit
from nova_mme_airflow.web.deployment import OpenDeployment
from nova_mme_airflow.web.embedding_routes import embedding_routes
from nova_mme_airflow.web.lane import Lane
from nova_mme_airflow.web.page_routes import page_routes
from nova_mme_airflow.web.problem import RESPONSES, handle_problems
from nova_mme_airflow.web.search_routes import search_routes
from nova_mme_airflow.web.status_routes import status_routes

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # a presigned link must not learn what was searched
    "Cache-Control": "no-store",  # answers carry presigned links
}


def make_app(
    find: Callable[[], OpenDeployment],
    *,
    may_read: Callable[..., Any],
    may_run: Callable[..., Any],
    identify: Callable[[Request], Awaitable[None]] | None = None,
) -> FastAPI:
    """The application.

    :param find: opens the deployment.
    :param identify: raises HTTPException unless somebody is signed in; asked before a body is read, which is before
        FastAPI asks its dependencies.
    :param may_read: dependency of every route; ``may_run`` besides, of those that store something.
    """
    app = FastAPI(
        title="Nova MME search",
        version="1",
        description="Search media that Airflow has embedded with Amazon Nova Multimodal Embeddings. Sign in as for "
        "Airflow's own API: `Authorization: Bearer <token>` of `POST /auth/token`, or the UI's cookie.",
        dependencies=[Depends(may_read)],
        responses=RESPONSES,
        # FastAPI's own routes of these would be open to everybody, and its pages load scripts from elsewhere.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(page_routes(find))
    app.include_router(search_routes(find, Lane()))
    app.include_router(status_routes(find))
    app.include_router(embedding_routes(find, may_run))
    app.add_middleware(BodyLimit, identify=identify)
    app.middleware("http")(_add_headers)
    handle_problems(app)
    return app


async def _add_headers(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await go_on(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
