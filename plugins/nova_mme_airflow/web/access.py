"""Who may ask: whoever Airflow lets read the search DAG; what costs or stores, whoever may run it.

Airflow does not protect a plugin's own application; these are the dependencies that its own routes use. They are not
part of its public interface: should a later version have moved them, the import fails, and nothing is served.
"""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag

_DAG_ID = "search_embeddings"

MAY_READ = requires_access_dag("GET", param_dag_id=_DAG_ID)
MAY_RUN = requires_access_dag("POST", DagAccessEntity.RUN, param_dag_id=_DAG_ID)
