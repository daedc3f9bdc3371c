"""Before anything imports Airflow or boto3: a home of its own, and no way to a real account."""

import os
import signal
import tempfile
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]

for _name in [name for name in os.environ if name.startswith(("AWS_", "AIRFLOW"))]:
    del os.environ[_name]

os.environ.update(
    AIRFLOW_HOME=tempfile.mkdtemp(prefix="nova-mme-airflow-"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__DAGS_FOLDER=str(_ROOT / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(_ROOT / "plugins"),
    AWS_ACCESS_KEY_ID="local",
    AWS_SECRET_ACCESS_KEY="local",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
)


# A shell that starts the suite in the background has it, and all that the tests start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> list[str]:
    """Which versions the suite ran on."""
    from importlib.metadata import version

    names = ("apache-airflow", "apache-airflow-providers-amazon", "boto3", "numpy", "moto")
    return [", ".join(f"{name} {version(name)}" for name in names)]


def pytest_sessionfinish() -> None:
    """Leave no temporary Airflow home behind."""
    import shutil

    shutil.rmtree(os.environ["AIRFLOW_HOME"], ignore_errors=True)
