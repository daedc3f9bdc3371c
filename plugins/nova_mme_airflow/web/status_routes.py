"""How it stands: `GET api/status`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from nova_mme_airflow.web.answer import StatusAnswer
from nova_mme_airflow.web.deployment import OpenDeployment


def status_routes(find: Callable[[], OpenDeployment]) -> APIRouter:
    """The route.

    :param find: opens the deployment.
    """
    router = APIRouter(tags=["status"])

    @router.get("/api/status", response_model=StatusAnswer)
    def status() -> dict[str, Any]:
        """Spaces, coverage by modality, backlog, dead letters, cost so far.

        From a count of the whole ledger, at most 15 s old, or older where a count takes long. An answer comes within
        5 s: without figures when the first count is not over, `counting` then tells how far it is.
        """
        deployment = find()
        return deployment.board.show(deployment.clients)

    return router
