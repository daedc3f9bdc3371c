"""The plugin: what Airflow's components load at their start."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from nova_mme_airflow import pool
from nova_mme_airflow.web.mount import EXTERNAL_VIEW, FASTAPI_APP, LateApplication


class NovaMMEPlugin(AirflowPlugin):
    """Makes the pools of the embedding DAGs, and brings the search page and its API."""

    name = "nova_mme"
    listeners = [pool]
    fastapi_apps = [{**FASTAPI_APP, "app": LateApplication()}]
    external_views = [EXTERNAL_VIEW]
