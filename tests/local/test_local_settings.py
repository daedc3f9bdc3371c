"""The stack's environment is its own: nothing of the user's AWS account, Airflow, Python or proxy gets in."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from nova_mme.settings import Settings
from nova_mme_local.airflow_settings import AirflowSettings, clean_environment
from nova_mme_local.keys import Keys
from nova_mme_local.metadata_database import MetadataDatabase
from nova_mme_local.ports import find_free_port, is_busy
from nova_mme_local.stackerror import StackError

_FOREIGN = {
    "AWS_PROFILE": "production",
    "AWS_SESSION_TOKEN": "real",
    "AWS_CA_BUNDLE": "/nowhere.pem",
    "AWS_ENDPOINT_URL_S3": "https://s3.amazonaws.com",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://production",
    "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHOME": "/nowhere",
    "https_proxy": "http://proxy:3128",
    "HTTP_PROXY": "http://proxy:3128",
}


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the stack runs in, on a machine that is set up for a lot else."""
    for name, value in _FOREIGN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LANG", "de_CH.UTF-8")
    settings = AirflowSettings(
        home=tmp_path, port=21000, aws_url="http://127.0.0.1:21001", extra={"MORE": "1"}
    )
    return settings.environment(Keys.make())


def test_nothing_foreign_gets_in(environment: dict[str, str]) -> None:
    """No variable of another set-up keeps its value; harmless ones stay."""
    assert {name for name, value in _FOREIGN.items() if environment.get(name) == value} == set()
    assert environment["LANG"] == "de_CH.UTF-8"
    assert environment["MORE"] == "1"


def test_every_client_goes_to_local_aws(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A client made without any argument, in that environment, is local and has no key of an account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.Session().client("s3vectors")
    assert client.meta.endpoint_url == "http://127.0.0.1:21001"
    assert client._request_signer._credentials.access_key == "opens-nothing"


def test_the_connection_and_the_variable_are_what_the_dags_read(environment: dict[str, str]) -> None:
    """`aws_default` names local AWS, and `nova_mme` is a deployment that the core accepts."""
    connection = json.loads(environment["AIRFLOW_CONN_AWS_DEFAULT"])
    assert connection["extra"] == {"endpoint_url": "http://127.0.0.1:21001", "region_name": "us-east-1"}
    settings = Settings.read(json.loads(environment["AIRFLOW_VAR_NOVA_MME"]))
    assert settings.source_uri == "s3://nova-mme-media/"
    assert settings.model_revision == "local-features-1"


def test_everything_follows_the_port(environment: dict[str, str]) -> None:
    """The tasks' API, the UI's address and the api-server agree, on 127.0.0.1."""
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__API__PORT"] == "21000"
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:21000/execution/"
    assert environment["AIRFLOW__API__BASE_URL"] == "http://localhost:21000"


def test_cleaning_keeps_the_path_and_puts_this_python_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of the user are still found, after those of this environment."""
    monkeypatch.setenv("PATH", "/their/bin")
    assert clean_environment()["PATH"].endswith(f"bin{os.pathsep}/their/bin")


def test_keys_are_random_kept_and_private(tmp_path: Path) -> None:
    """Two stacks have different keys; one keeps its own, for its owner only."""
    keys = Keys.keep(tmp_path / "keys.json")
    assert Keys.keep(tmp_path / "keys.json") == keys
    assert keys != Keys.keep(tmp_path / "others.json")
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert len(keys.jwt_secret) >= 64


def test_unreadable_keys_are_made_anew(tmp_path: Path) -> None:
    """Half a file, from a full disk say, does not stop the stack."""
    (tmp_path / "keys.json").write_text('{"jwt_')
    assert Keys.keep(tmp_path / "keys.json") == Keys.keep(tmp_path / "keys.json")


class TestPorts:
    """What is busy."""

    @pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0")])
    def taken(self, request: pytest.FixtureRequest) -> Iterator[int]:
        """A port on which something listens."""
        family, host = request.param
        with socket.socket(family) as server:
            server.bind((host, 0))
            server.listen()
            yield server.getsockname()[1]

    def test_a_port_with_a_listener_is_busy(self, taken: int) -> None:
        """Whatever address it listens on."""
        assert is_busy(taken)

    def test_a_free_port_is_not(self) -> None:
        """It can be listened on, and is none that outgoing connections get."""
        port = find_free_port()
        assert not is_busy(port)
        assert port < 32_768
        with socket.socket() as server:
            server.bind(("127.0.0.1", port))


class TestMetadataDatabase:
    """When Airflow's database has to be migrated."""

    def test_a_new_one_is_migrated_once(self, tmp_path: Path) -> None:
        """Until it is marked it needs its migration, then no more."""
        database = MetadataDatabase(tmp_path, "3.3.1")
        assert database.prepare()
        (tmp_path / "airflow.db").touch()
        database.mark()
        assert not database.prepare()
        assert (tmp_path / "airflow.db").exists()

    def test_half_a_database_is_removed(self, tmp_path: Path) -> None:
        """One whose first migration was interrupted is begun anew."""
        (tmp_path / "airflow.db").touch()
        (tmp_path / "airflow.db-wal").touch()
        assert MetadataDatabase(tmp_path, "3.3.1").prepare()
        assert list(tmp_path.iterdir()) == []

    def test_an_older_one_is_migrated(self, tmp_path: Path) -> None:
        """A newer Airflow brings it up, and keeps it."""
        (tmp_path / "airflow.db").touch()
        MetadataDatabase(tmp_path, "3.2.1").mark()
        assert MetadataDatabase(tmp_path, "3.10.0").prepare()
        assert (tmp_path / "airflow.db").exists()

    def test_a_newer_one_is_refused(self, tmp_path: Path) -> None:
        """An older Airflow cannot read it; the sentence has both versions and the way out."""
        MetadataDatabase(tmp_path, "3.3.2").mark()
        with pytest.raises(
            StackError, match=r"made by Airflow 3\.3\.2, and this is 3\.2\.1.*AIRFLOW=3\.3\.2"
        ):
            MetadataDatabase(tmp_path, "3.2.1").prepare()
