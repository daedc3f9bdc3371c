"""The containers: closed to other machines, secrets that only they know, and the versions of the local stack."""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import yaml
from cryptography.fernet import Fernet
from packaging.requirements import Requirement
from sqlalchemy.engine import make_url

from nova_mme.settings import Settings
from nova_mme_local.aws import main as run_local_aws
from nova_mme_local.bootstrap import DEFAULT_AIRFLOW

AIRFLOW = {"init", "api-server", "scheduler", "dag-processor", "triggerer"}
MADE = {"api_secret_key", "fernet_key", "jwt_secret", "postgres_password"}
SCRIPT = "deploy/docker/make_secrets.py"
FOLDER = "/run/nova-mme"
COMPLETED = {"condition": "service_completed_successfully"}
HEALTHY = {"condition": "service_healthy"}

# Names of settings whose value is a secret. Local AWS takes any key: its own is none.
_SECRET_NAME = re.compile(r"PASSWORD|SECRET|FERNET|TOKEN|SQL_ALCHEMY_CONN|ACCESS_KEY")
_INTERPOLATED = re.compile(r"\$\{?[A-Za-z_]+[^}]*\}?")


@pytest.fixture(scope="module")
def compose(checkout: Path) -> dict[str, Any]:
    """docker-compose.yaml, not interpolated."""
    return yaml.safe_load((checkout / "docker-compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def account(checkout: Path) -> dict[str, Any]:
    """The override for a real account."""
    return yaml.safe_load((checkout / "deploy/docker/real-account.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    """Name -> service."""
    return compose["services"]


@pytest.fixture
def kept(checkout: Path, tmp_path: Path) -> Path:
    """A folder with secrets in it, made as the containers do: by Python alone."""
    folder = tmp_path / "kept"
    folder.mkdir()
    subprocess.run([sys.executable, "-I", "-S", checkout / SCRIPT, folder], check=True)
    return folder


def test_services(services: dict[str, Any]) -> None:
    """Airflow's four components, their database, its migration, their secrets, and local AWS; each in its turn."""
    assert set(services) == AIRFLOW | {"secrets", "postgres", "local-aws"}
    assert {name for name, service in services.items() if "healthcheck" not in service} == {"init", "secrets"}
    assert {name for name, service in services.items() if service["restart"] == "no"} == {"init", "secrets"}
    for name in AIRFLOW - {"init"}:
        assert services[name]["depends_on"] == {"secrets": COMPLETED, "init": COMPLETED}
    assert services["init"]["depends_on"] == {"secrets": COMPLETED, "postgres": HEALTHY}
    assert services["postgres"]["depends_on"] == services["local-aws"]["depends_on"] == {"secrets": COMPLETED}
    assert services["secrets"]["depends_on"] == {}


def test_config_needs_no_environment(checkout: Path, compose: dict[str, Any]) -> None:
    """Both versions of Compose read the file in a fresh clone: each variable has a default, each key is old."""
    text = (checkout / "docker-compose.yaml").read_text(encoding="utf-8")
    assert _INTERPOLATED.findall(text) == ["${AIRFLOW_PORT:-8080}"] * 2 + ["${LOCAL_AWS_PORT:-4566}"]
    assert not any("env_file" in service for service in compose["services"].values())
    # Version 1 knows no `name`; a `version` makes version 2 complain.
    assert set(compose) == {"x-airflow", "services", "volumes"}


def test_ports_are_published_on_loopback_only(services: dict[str, Any]) -> None:
    """Two ports are published, both on 127.0.0.1, both with a variable to move them."""
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {
        "api-server": ["127.0.0.1:${AIRFLOW_PORT:-8080}:8080"],
        "local-aws": ["127.0.0.1:${LOCAL_AWS_PORT:-4566}:4566"],
    }
    assert not any("network_mode" in service for service in services.values())


def test_no_secret_is_in_the_file(services: dict[str, Any], account: dict[str, Any]) -> None:
    """A secret is named by the file that it is in; only the keys of a real account come from the environment."""
    files = set()
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if _SECRET_NAME.search(name) and name != "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE":
                assert name.endswith(("_CMD", "_FILE")), name
                files.add(value.split()[-1])
    assert files == {f"{FOLDER}/{name}" for name in MADE}
    for name in AIRFLOW - {"init"}:
        environment = account["services"][name]["environment"]
        secret = {
            name: value.split("?")[0] for name, value in environment.items() if _SECRET_NAME.search(name)
        }
        assert secret.pop("AWS_SESSION_TOKEN") == "${AWS_SESSION_TOKEN:-}"
        assert secret == {key: f"${{{key}:" for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}


def test_secrets_are_for_their_readers(checkout: Path, services: dict[str, Any]) -> None:
    """One service writes the volume, those that read it wait for that, and local AWS never sees it."""
    every = [(name, volume) for name, service in services.items() for volume in service["volumes"]]
    mounts = {name: volume for name, volume in every if volume.startswith("secrets:")}
    assert mounts.pop("secrets") == f"secrets:{FOLDER}"
    assert mounts == dict.fromkeys(AIRFLOW | {"postgres"}, f"secrets:{FOLDER}:ro")
    script = services["secrets"]["entrypoint"][1]
    assert services["secrets"]["entrypoint"] == ["python", script, FOLDER]
    assert f"./{SCRIPT}:{script}:ro" in services["secrets"]["volumes"]
    # The volume takes over owner and mode of the image's folder.
    dockerfile = (checkout / services["secrets"]["build"]["dockerfile"]).read_text(encoding="utf-8")
    assert f"install --directory --owner=airflow --group=root --mode=0750 {FOLDER}\n" in dockerfile


def test_secrets_are_made_once(checkout: Path, kept: Path) -> None:
    """Random and long enough, for owner and group only; a second run makes nothing but what is missing."""
    first = {path.name: path.read_bytes() for path in kept.iterdir()}
    assert set(first) == MADE
    assert len(set(first.values())) == len(MADE)
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.iterdir()} == {0o440}
    assert all(len(first[name]) >= 64 for name in ("jwt_secret", "api_secret_key"))
    assert re.fullmatch(rb"[\w-]{32,99}", first["postgres_password"])  # psql takes less than 100
    Fernet(first["fernet_key"])
    (kept / "jwt_secret").unlink()
    again = subprocess.check_output([sys.executable, checkout / SCRIPT, kept], text=True)
    assert again == "Made: jwt_secret.\n"
    second = {path.name: path.read_bytes() for path in kept.iterdir()}
    assert second.pop("jwt_secret") != first.pop("jwt_secret")
    assert second == first


def test_secret_is_kept_whole_or_not_at_all(checkout: Path, tmp_path: Path) -> None:
    """What breaks off leaves no file that a later run would take for a secret; a folder's fault is explained."""
    with pytest.raises(UnicodeEncodeError):
        runpy.run_path(str(checkout / SCRIPT))["write_whole"](tmp_path / "jwt_secret", "not ASCII: \u00e9")
    assert list(tmp_path.iterdir()) == []
    missing = tmp_path / "missing"
    run = subprocess.run([sys.executable, checkout / SCRIPT, missing], capture_output=True, text=True)
    assert run.returncode == 1
    assert f"cannot be kept in {missing}: " in run.stderr
    assert "docker compose down --volumes" in run.stderr


def test_airflow_reads_the_secrets(services: dict[str, Any], kept: Path, tmp_path: Path) -> None:
    """Airflow itself, with a component's variables, gets each secret to the letter, and the database's address."""
    commands = {
        name: value.replace(FOLDER, shlex.quote(str(kept)))
        for name, value in services["scheduler"]["environment"].items()
        if name.endswith("_CMD")
    }
    options = [name.removeprefix("AIRFLOW__").removesuffix("_CMD").lower().split("__") for name in commands]
    code = f"import json; from airflow.configuration import conf; print(json.dumps([conf.get(*o) for o in {options}]))"
    # As a library Airflow does not connect to its database, whose driver is in the image only.
    environment = os.environ | commands | {"AIRFLOW_HOME": str(tmp_path), "_AIRFLOW__AS_LIBRARY": "1"}
    printed = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    values = dict(zip(map(".".join, options), json.loads(printed.splitlines()[-1]), strict=True))
    database = services["postgres"]["environment"]
    password = (kept / Path(database["POSTGRES_PASSWORD_FILE"]).name).read_text()
    user, name = database["POSTGRES_USER"], database["POSTGRES_DB"]
    url = make_url(f"postgresql+psycopg2://{user}:{password}@postgres/{name}")
    assert make_url(values.pop("database.sql_alchemy_conn")) == url
    assert values == {
        "api_auth.jwt_secret": (kept / "jwt_secret").read_text(),
        "api.secret_key": (kept / "api_secret_key").read_text(),
        "core.fernet_key": (kept / "fernet_key").read_text(),
    }


def test_everybody_has_to_log_in(services: dict[str, Any]) -> None:
    """Nobody is let in without a password, and the generated one outlives its container."""
    environment = services["api-server"]["environment"]
    assert not any(name.endswith("ALL_ADMINS") for name in environment)
    folder = Path(environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]).parent
    assert f"auth:{folder}" in services["api-server"]["volumes"]


def test_image_is_the_default_versions(checkout: Path, services: dict[str, Any]) -> None:
    """Image tag, build argument and Dockerfile name the default Airflow, whose lock is the constraint."""
    for name in AIRFLOW | {"local-aws", "secrets"}:
        assert services[name]["image"] == f"nova-mme-airflow:{DEFAULT_AIRFLOW}"
        assert services[name]["pull_policy"] == "never"
    # Built by one service: side by side, builds of the same tag get in each other's way.
    assert {name for name, service in services.items() if "build" in service} == {"secrets"}
    build = services["secrets"]["build"]
    assert build["args"] == {"AIRFLOW_VERSION": DEFAULT_AIRFLOW}
    lock = (checkout / f"deploy/locks/airflow-{DEFAULT_AIRFLOW}.txt").read_text(encoding="utf-8")
    assert f"\napache-airflow=={DEFAULT_AIRFLOW}\n" in lock
    # pip takes no extras in a constraint.
    pins = [line for line in lock.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert [pin for pin in pins if Requirement(pin).extras] == []
    dockerfile = (checkout / build["dockerfile"]).read_text(encoding="utf-8")
    assert (
        f"\nARG AIRFLOW_VERSION={DEFAULT_AIRFLOW}\nFROM apache/airflow:${{AIRFLOW_VERSION}}-python3.12\n"
        in dockerfile
    )
    assert "deploy/locks/airflow-${AIRFLOW_VERSION}.txt" in dockerfile
    # Where the Dockerfile cuts requirements.txt off.
    assert "\n# --- tests and lint" in (checkout / "requirements.txt").read_text(encoding="utf-8")


def test_image_runs_as_airflow(checkout: Path) -> None:
    """The last USER is not root, and pip runs after it: the image's pip refuses root."""
    lines = (checkout / "deploy/docker/Dockerfile").read_text(encoding="utf-8").splitlines()
    users = [(number, line) for number, line in enumerate(lines) if line.startswith("USER ")]
    pip = next(number for number, line in enumerate(lines) if "pip install" in line)
    assert users[-1][1] == "USER airflow"
    assert users[-1][0] < pip


def test_code_is_mounted_read_only(checkout: Path, services: dict[str, Any]) -> None:
    """DAGs, plugins and the core are where Airflow finds them, and a container cannot change them."""
    for name in AIRFLOW:
        mounts = [volume for volume in services[name]["volumes"] if volume.startswith(".")]
        assert mounts == [f"./{folder}:/opt/airflow/{folder}:ro" for folder in ("dags", "plugins", "include")]
        assert services[name]["environment"]["PYTHONPATH"] == "/opt/airflow/include"
    assert all((checkout / folder).is_dir() for folder in ("dags", "plugins", "include"))


def test_local_aws_command_is_understood(
    services: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """The container's command has options that local AWS takes, the port that others call, and a volume."""
    command = services["local-aws"]["entrypoint"]
    assert command[:3] == ["python", "-m", "nova_mme_local.aws"]
    with pytest.raises(SystemExit):
        run_local_aws(["--help"])
    options = {word for word in command if word.startswith("--")}
    assert {"--allow-remote", "--data"} <= options <= set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    endpoint = urlsplit(connection_of(services["scheduler"])["extra"]["endpoint_url"])
    assert (endpoint.hostname, str(endpoint.port)) == ("local-aws", value_of("--port", command))
    assert f"local-aws:{value_of('--data', command)}" in services["local-aws"]["volumes"]


def test_settings_are_valid(services: dict[str, Any]) -> None:
    """The Variable nova_mme of the containers is one that the settings take."""
    settings = Settings.read(json.loads(services["scheduler"]["environment"]["AIRFLOW_VAR_NOVA_MME"]))
    assert settings.space.revision == "local-features-1"


def test_real_account_has_nothing_local(services: dict[str, Any], account: dict[str, Any]) -> None:
    """With the override no local AWS starts, and no component is told of its address."""
    assert account["services"]["local-aws"] == {"profiles": ["local-aws"]}
    assert set(account["services"]) - {"local-aws"} == AIRFLOW - {"init"}
    for name in AIRFLOW - {"init"}:
        merged = services[name]["environment"] | account["services"][name]["environment"]
        assert "local-aws" not in json.dumps(merged)


@pytest.fixture
def named_local_aws(aws_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Local AWS, reached by its name in the compose network."""
    resolve = socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if host == "local-aws" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return aws_url.replace("127.0.0.1", "local-aws")


def test_local_aws_answers_to_its_name(named_local_aws: str, services: dict[str, Any]) -> None:
    """S3 by the service's name, with the connection's credentials: the name is not taken for a bucket's."""
    connection = connection_of(services["scheduler"])
    client = boto3.client(
        "s3",
        endpoint_url=named_local_aws,
        region_name=connection["extra"]["region_name"],
        aws_access_key_id=connection["login"],
        aws_secret_access_key=connection["password"],
    )
    client.create_bucket(Bucket="some-media")
    client.put_object(Bucket="some-media", Key="a/b.txt", Body=b"rain")
    assert client.get_object(Bucket="some-media", Key="a/b.txt")["Body"].read() == b"rain"


def connection_of(service: dict[str, Any]) -> dict[str, Any]:
    """The Airflow connection aws_default of a service."""
    return json.loads(service["environment"]["AIRFLOW_CONN_AWS_DEFAULT"])


def value_of(option: str, command: list[str]) -> str:
    """What follows an option on a command line."""
    return command[command.index(option) + 1]
