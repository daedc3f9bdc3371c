"""The file that Airflow's plugin loader executes: it only hands over the plugin's class."""

from nova_mme_airflow.plugin import NovaMMEPlugin

__all__ = ["NovaMMEPlugin"]
