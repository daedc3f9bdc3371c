"""Who may ask: whoever Airflow lets read the search DAG, a search being a call of the model for a fraction of a cent;
what stores something, whoever may run it.

Airflow does not protect a plugin's own application; these are the dependencies that its own routes use. They are not
part of its public interface: should a later version have moved them, the import fails, and nothing is served.
"""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from fastapi import Request
from fastapi.security import HTTPBearer

_DAG_ID = "search_embeddings"

_BEARER = HTTPBearer(auto_error=False)

MAY_READ = requires_access_dag("GET", param_dag_id=_DAG_ID)
MAY_RUN = requires_access_dag("POST", DagAccessEntity.RUN, param_dag_id=_DAG_ID)


async def identify(request: Request) -> None:
    """See that somebody is signed in, by a token or the UI's cookie, as Airflow's own dependency does.

    :raises HTTPException: 401 or 403.
    """
    await get_user(request, None, await _BEARER(request))
