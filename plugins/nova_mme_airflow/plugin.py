"""The plugin: what Airflow's components load at their start."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from nova_mme_airflow import pool


class NovaMMEPlugin(AirflowPlugin):
    """Makes the pool of the embedding DAGs (see :mod:`nova_mme_airflow.pool`)."""

    name = "nova_mme"
    listeners = [pool]
