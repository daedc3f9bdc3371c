"""What Airflow mounts: an ASGI application that is made at its first request.

Every component of Airflow loads the plugin, the dag-processor and each task among them; FastAPI, the auth manager and the
routes are for the api-server alone.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

URL_PREFIX = "/nova-mme"

FASTAPI_APP = {"name": "Nova MME search", "url_prefix": URL_PREFIX}
# Relative, so that it is found below a base path, too.
EXTERNAL_VIEW = {
    "name": "Media search",
    "href": f"{URL_PREFIX.lstrip('/')}/",
    "destination": "nav",
    "category": "browse",
    "url_route": "media-search",
}


class LateApplication:
    """Stands in for the application until somebody asks it something."""

    @cached_property
    def application(self) -> Any:
        """The FastAPI application, behind Airflow's own authentication and authorisation."""
        from nova_mme_airflow.web.access import MAY_READ, MAY_RUN, identify
        from nova_mme_airflow.web.application import make_app
        from nova_mme_airflow.web.deployment import Deployments

        return make_app(Deployments().open, may_read=MAY_READ, may_run=MAY_RUN, identify=identify)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request (ASGI)."""
        await self.application(scope, receive, send)
