"""Fixtures of the packaging tests: the checkout, the infrastructure template, and a local AWS of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]


class TemplateLoader(yaml.SafeLoader):
    """YAML as CloudFormation writes it: ``!Sub x`` is read as ``{"Fn::Sub": x}``, ``!Ref x`` as ``{"Ref": x}``."""


def _read_tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix == "Ref" else f"Fn::{suffix}": value}


TemplateLoader.add_multi_constructor("!", _read_tag)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The project's folder."""
    return CHECKOUT


@pytest.fixture(scope="session")
def template(checkout: Path) -> dict[str, Any]:
    """The CloudFormation template."""
    text = (checkout / "deploy/infrastructure/template.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=TemplateLoader)  # derived from SafeLoader


@pytest.fixture(scope="module")
def aws_url() -> Iterator[str]:
    """The address of a local AWS in a process of its own, empty, whose jobs take seven seconds.

    A process, since there can be one local AWS per process and other tests start theirs in this one. Seven
    seconds: a sensor finds its job in progress, and its trigger, which waits eight before its first look, done.
    """
    command = [sys.executable, "-m", "nova_mme_local.aws", "--port", "0", "--job-seconds", "7"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "include")}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline()  # "Local AWS answers at http://127.0.0.1:33761 (nothing is kept)"
        assert "http" in line, f"local AWS did not start: {line!r}"
        yield next(word for word in line.split() if word.startswith("http"))
    finally:
        server.terminate()
        server.wait(timeout=30)
        server.stdout.close()


@pytest.fixture
def aws_client(aws_url: str) -> Any:
    """A maker of boto3 clients of local AWS: ``aws_client("s3")``."""

    def make(service: str, kind: str = "client") -> Any:
        return getattr(boto3, kind)(
            service,
            endpoint_url=aws_url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local-secret",
        )

    return make
