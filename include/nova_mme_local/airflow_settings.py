"""The environment that the local Airflow runs in: its settings, and nothing of the user's AWS or Airflow setup."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nova_mme_local.keys import Keys
from nova_mme_local.ports import HOST

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"

MEDIA_BUCKET = "nova-mme-media"
OUTPUT_BUCKET = "nova-mme-output"
VECTOR_BUCKET = "nova-mme-vectors"
UPLOADS_QUEUE = "nova-mme-uploads-{modality}"
MODEL_REVISION = "local-features-1"

# What a shell may have set for other work: another Airflow, a real AWS account, another Python, a proxy. The stack
# talks to 127.0.0.1 only.
_DROPPED = ("AIRFLOW", "AWS_", "BOTO_", "PYTHON", "OTEL_", "NOVA_MME_")
_DROPPED_NAMES = {"VIRTUAL_ENV", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}

# Airflow masks a connection's password wherever a log has it: it must be no part of any name.
_DUMMY_KEY = "opens-nothing"


def get_hostname() -> str:
    """Return the name that tasks give for their machine; Airflow's own look-up can take seconds on a laptop."""
    return "localhost"


@dataclass(frozen=True, slots=True)
class AirflowSettings:
    """Where the local Airflow lives, what it runs, and which local AWS it uses.

    Unless uploads are watched, the embedding DAGs and the backfill run only when they are told to, not daily either.
    """

    home: Path
    port: int
    aws_url: str
    dags_folder: Path = ROOT / "dags"
    plugins_folder: Path = ROOT / "plugins"
    parallelism: int = 6
    watch_uploads: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the API; the UI is the same at `localhost`."""
        return f"http://{HOST}:{self.port}"

    def environment(self, keys: Keys) -> dict[str, str]:
        """Return the whole environment of the stack's processes."""
        return {
            **clean_environment(),
            **self._airflow(keys),
            **self._aws(),
            **self._uploads(),
            **self.extra,
        }

    def _airflow(self, keys: Keys) -> dict[str, str]:
        return {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags_folder),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self.plugins_folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": str(self.parallelism),
            "AIRFLOW__CORE__FERNET_KEY": keys.fernet,
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": f"{get_hostname.__module__}.{get_hostname.__name__}",
            # No password to look up: whoever reaches 127.0.0.1 is this machine's user.
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__HOST": HOST,
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": f"http://localhost:{self.port}",
            "AIRFLOW__API__SECRET_KEY": keys.jwt_secret,
            "AIRFLOW__API_AUTH__JWT_SECRET": keys.jwt_secret,
            # SQLite gives up on a lock after 5 s by default, and a triggerer that has to give up ends.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db?timeout=20",
            "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
            # The stack migrates before it starts what needs tables; the api-server may start meanwhile.
            "AIRFLOW__DATABASE__CHECK_MIGRATIONS": "False",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",  # a new file is seen after so many seconds; 300 else
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
            # Between looks for work, in seconds; 1 else. Half as long a run of short tasks, for a tenth of a core.
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
            "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }

    def _aws(self) -> dict[str, str]:
        return {
            **aws_environment(self.aws_url),
            "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(
                {
                    "conn_type": "aws",
                    "login": _DUMMY_KEY,
                    "password": _DUMMY_KEY,
                    "extra": {"endpoint_url": self.aws_url, "region_name": REGION},
                }
            ),
            "AIRFLOW_VAR_NOVA_MME": json.dumps(deployment()),
        }

    def _uploads(self) -> dict[str, str]:
        if self.watch_uploads:
            return {"AIRFLOW__NOVA_MME__UPLOADS_QUEUE": UPLOADS_QUEUE}
        return {"AIRFLOW__NOVA_MME__SWEEP": "", "AIRFLOW__NOVA_MME__BACKFILL": ""}


def deployment() -> dict[str, str]:
    """Return the Airflow Variable `nova_mme` of the local stack."""
    return {
        "source_uri": f"s3://{MEDIA_BUCKET}/",
        "output_uri": f"s3://{OUTPUT_BUCKET}/nova",
        "vector_bucket": VECTOR_BUCKET,
        "ledger_table": "nova-mme-ledger",
        "aws_conn_id": "aws_default",
        "bedrock_region": REGION,
        "model_revision": MODEL_REVISION,
    }


def aws_environment(aws_url: str) -> dict[str, str]:
    """Return what makes every AWS client of a process use local AWS, with keys that open nothing else."""
    return {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": _DUMMY_KEY,
        "AWS_SECRET_ACCESS_KEY": _DUMMY_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def clean_environment() -> dict[str, str]:
    """Return this process's environment without other set-ups, and with this Python first on the PATH."""
    kept = {name: value for name, value in os.environ.items() if not _is_foreign(name)}
    kept |= {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]),
        "PYTHONPATH": str(ROOT / "include"),
        "PYTHONUNBUFFERED": "1",
        # Also keeps macOS from asking its proxy settings in a forked process, which can crash there.
        "NO_PROXY": "*",
        "no_proxy": "*",
        # Tasks run side by side: numpy's threads would fight over the cores.
        "OPENBLAS_NUM_THREADS": "1",
    }
    if sys.platform == "darwin":
        kept["OBJC_DISABLE_INITIALIZE_FORK_SAFETY"] = "YES"  # Airflow forks its tasks
    return kept


def _is_foreign(name: str) -> bool:
    return name.upper() in _DROPPED_NAMES or name.startswith(_DROPPED)
