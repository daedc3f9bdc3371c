"""A DAG file that cannot be read: airflow is imported, and then something that does not exist."""

import airflow.sdk  # noqa: F401
import no_such_module_of_ours  # type: ignore[import-not-found]  # noqa: F401
