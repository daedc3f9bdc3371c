"""The containers: closed to other machines, no secret in the repository, and the versions of the local stack."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import yaml
from packaging.requirements import Requirement

from nova_mme.settings import Settings
from nova_mme_local.aws import main as run_local_aws
from nova_mme_local.bootstrap import DEFAULT_AIRFLOW

AIRFLOW = {"init", "api-server", "scheduler", "dag-processor", "triggerer"}
SECRETS = {"POSTGRES_PASSWORD", "AIRFLOW_JWT_SECRET", "AIRFLOW_FERNET_KEY"}

# Names of settings whose value must come from outside. Local AWS takes any key: its own is no secret.
_SECRET_NAME = re.compile(r"PASSWORD$|SECRET|FERNET|TOKEN|SQL_ALCHEMY_CONN|ACCESS_KEY")
_REQUIRED = re.compile(r"\$\{[A-Z_]+:\?[^}]+\}")


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


def test_services(services: dict[str, Any]) -> None:
    """Airflow's four components, their database, its migration, and local AWS."""
    assert set(services) == AIRFLOW | {"postgres", "local-aws"}
    assert {name for name, service in services.items() if "healthcheck" not in service} == {"init"}
    for name in AIRFLOW - {"init"}:
        assert services[name]["depends_on"] == {"init": {"condition": "service_completed_successfully"}}
    assert services["init"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_ports_are_published_on_loopback_only(services: dict[str, Any]) -> None:
    """Two ports are published, both on 127.0.0.1, both with a variable to move them."""
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {
        "api-server": ["127.0.0.1:${AIRFLOW_PORT:-8080}:8080"],
        "local-aws": ["127.0.0.1:${LOCAL_AWS_PORT:-4566}:4566"],
    }
    assert not any("network_mode" in service for service in services.values())


def test_no_secret_is_in_the_repository(compose: dict[str, Any], account: dict[str, Any]) -> None:
    """What is secret is required from the environment: there is no default, neither literal nor empty."""
    seen = set()
    for document in (compose, account):
        for service in document["services"].values():
            for name, value in service.get("environment", {}).items():
                if _SECRET_NAME.search(name) and name != "AWS_SESSION_TOKEN":
                    assert _REQUIRED.search(value), f"{name}: {value}"
                    seen |= set(re.findall(r"\$\{([A-Z_]+):\?", value))
    assert seen == SECRETS | {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert account["services"]["scheduler"]["environment"]["AWS_SESSION_TOKEN"] == "${AWS_SESSION_TOKEN:-}"


def test_everybody_has_to_log_in(services: dict[str, Any]) -> None:
    """Nobody is let in without a password, and the generated one outlives its container."""
    environment = services["api-server"]["environment"]
    assert not any(name.endswith("ALL_ADMINS") for name in environment)
    folder = Path(environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]).parent
    assert f"auth:{folder}" in services["api-server"]["volumes"]


def test_example_names_what_is_required(checkout: Path, compose: dict[str, Any]) -> None:
    """.env.example has every required variable, without a value, so that a copy of it starts nothing."""
    lines = (checkout / ".env.example").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert given == dict.fromkeys(re.findall(r"\$\{([A-Z_]+):\?", json.dumps(compose)), "")


def test_image_is_the_default_versions(checkout: Path, services: dict[str, Any]) -> None:
    """Image tag, build argument and Dockerfile name the default Airflow, whose lock is the constraint."""
    for name in AIRFLOW | {"local-aws"}:
        assert services[name]["image"] == f"nova-mme-airflow:{DEFAULT_AIRFLOW}"
        assert services[name]["build"]["args"] == {"AIRFLOW_VERSION": DEFAULT_AIRFLOW}
    lock = (checkout / f"deploy/locks/airflow-{DEFAULT_AIRFLOW}.txt").read_text(encoding="utf-8")
    assert f"\napache-airflow=={DEFAULT_AIRFLOW}\n" in lock
    # pip takes no extras in a constraint.
    pins = [line for line in lock.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert [pin for pin in pins if Requirement(pin).extras] == []
    dockerfile = (checkout / services["scheduler"]["build"]["dockerfile"]).read_text(encoding="utf-8")
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
