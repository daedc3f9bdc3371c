"""Which deployment a command is about, and AWS clients for it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nova_mme.errors import BadSetting
from nova_mme.settings import Settings
from nova_mme.space_registry import SpaceRegistry

# Where Airflow itself looks for the Variable nova_mme before it asks its database.
VARIABLE = "AIRFLOW_VAR_NOVA_MME"


@dataclass(frozen=True)
class Deployment:
    """A deployment's settings, and one boto3 client per service, each made at its first use.

    Credentials, Region and endpoint are boto3's own: environment, profile, role. ``aws_conn_id`` is Airflow's alone.
    """

    settings: Settings
    _made: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, path: str = "", environment: Mapping[str, str] = os.environ) -> Deployment:
        """The deployment that a JSON file describes, or else the Variable ``nova_mme`` as Airflow's environment has it.

        :raises BadSetting: when neither is there, or what is there cannot be used.
        """
        if path:
            return cls(Settings.read(_parse(_read(path), path)))
        if text := environment.get(VARIABLE):
            return cls(Settings.read(_parse(text, VARIABLE)))
        raise BadSetting(
            f"No deployment is named. Give --settings FILE (the JSON of the Airflow Variable nova_mme), or set "
            f"{VARIABLE} to that JSON."
        )

    @cached_property
    def session(self) -> Any:
        """boto3's."""
        import boto3

        return boto3.Session()

    @property
    def s3(self) -> Any:
        """Amazon S3."""
        return self._client("s3")

    @property
    def bedrock(self) -> Any:
        """Amazon Bedrock Runtime, in the Region that offers the model."""
        return self._client("bedrock-runtime", self.settings.bedrock_region)

    @property
    def bedrock_models(self) -> Any:
        """Amazon Bedrock, in the same Region: what it says of the model itself."""
        return self._client("bedrock", self.settings.bedrock_region)

    @property
    def s3vectors(self) -> Any:
        """Amazon S3 Vectors."""
        return self._client("s3vectors", self.settings.vector_region)

    @cached_property
    def dynamodb(self) -> Any:
        """Amazon DynamoDB, as a resource: it speaks Python's types."""
        return self.session.resource("dynamodb", config=_configure())

    @property
    def registry(self) -> SpaceRegistry:
        """Which spaces the deployment has."""
        return SpaceRegistry(self.dynamodb, self.settings.ledger_table, self.settings.space)

    def _client(self, service: str, region: str = "") -> Any:
        if service not in self._made:
            config = _configure()
            self._made[service] = self.session.client(service, region_name=region or None, config=config)
        return self._made[service]


def _configure() -> Any:
    """Fewer tries than botocore's own, of which DynamoDB has ten: somebody is waiting for an answer."""
    from botocore.config import Config

    return Config(retries={"mode": "standard", "total_max_attempts": 4})


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise BadSetting(f"The settings {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadSetting(f"The settings {path} are not UTF-8 ({error}).") from error


def _parse(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadSetting(f"{name} is not JSON ({error}).") from error
