"""The package does its work where MWAA would unpack it: in an empty home, with no PYTHONPATH and no checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nova_mme.source import object_id
from nova_mme.space import DIMENSIONS
from nova_mme_local.mwaa import ROOT as CHECKOUT
from nova_mme_local.mwaa import build

MEDIA, OUTPUT, VECTORS = "nova-mme-media", "nova-mme-output", "nova-mme-vectors"
TEXTS = {"notes/rain.txt": "It rains. " * 200, "cats.md": "# Cats\n\n" + "A cat purrs. " * 90}

# `airflow`, and at its end a note of every file that a module was loaded from.
AIRFLOW = """
import atexit, json, os, sys
def note():
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    with open(os.environ["LOADED"], "w") as out:
        json.dump({name: file for name, file in files.items() if file}, out)
atexit.register(note)
from airflow.__main__ import main
sys.argv[0] = "airflow"
main()
"""


@dataclass(frozen=True)
class Home:
    """An AIRFLOW_HOME as MWAA sets it up: dags/ synchronised, plugins/ unpacked from the zip."""

    path: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> str:
        """``airflow <arguments>`` in this home; returns what it printed on stdout."""
        done = subprocess.run(
            [sys.executable, "-c", AIRFLOW, *arguments],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, (
            f"airflow {' '.join(arguments)}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
        return done.stdout

    @property
    def loaded(self) -> dict[str, Path]:
        """Module -> file, of the last run."""
        return {
            name: Path(file) for name, file in json.loads((self.path / "loaded.json").read_text()).items()
        }


@pytest.fixture
def home(tmp_path: Path, aws_url: str) -> Home:
    """The package, built and put where MWAA puts it."""
    path = tmp_path / "airflow"
    package = build(tmp_path / "dist")
    shutil.copytree(package.folder / "dags", path / "dags")
    with zipfile.ZipFile(package.plugins) as archive:
        archive.extractall(path / "plugins")
    connection = {
        "conn_type": "aws",
        "login": "local",
        "password": "local-secret",
        "extra": {"endpoint_url": aws_url, "region_name": "us-east-1"},
    }
    settings = {
        "source_uri": f"s3://{MEDIA}/",
        "output_uri": f"s3://{OUTPUT}/nova",
        "vector_bucket": VECTORS,
        "ledger_table": "nova-mme-ledger",
    }
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LOADED": str(path / "loaded.json"),
        "AIRFLOW_HOME": str(path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True",
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        "AIRFLOW_VAR_NOVA_MME": json.dumps(settings),
    }
    return Home(path, environment)


@pytest.fixture
def s3(aws_client: Callable[..., Any]) -> Any:
    """S3 with the two buckets, and the texts in one of them."""
    client = aws_client("s3")
    for bucket in (MEDIA, OUTPUT):
        client.create_bucket(Bucket=bucket)
    for key, text in TEXTS.items():
        client.put_object(Bucket=MEDIA, Key=key, Body=text.encode())
    return client


@pytest.mark.usefixtures("s3")
def test_package_embeds_without_the_checkout(home: Home, aws_client: Callable[..., Any]) -> None:
    """Two texts end as unit vectors under their keys in all four indexes, by the code of the zip alone."""
    home.run("db", "migrate")
    home.run("dags", "test", "setup_embeddings")
    home.run("dags", "test", "embed_text", "-c", json.dumps({"segment_characters": 800}))

    vectors = aws_client("s3vectors")
    for dimension in DIMENSIONS:
        found = list_vectors(vectors, dimension)
        assert sorted(found) == expected_keys()
        matrix = np.array(list(found.values()))
        assert matrix.shape == (5, dimension)
        np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-6)
    loaded = home.loaded
    ours = {name: file for name, file in loaded.items() if name.startswith("nova_mme")}
    # The sensor found the jobs in progress: the trigger was loaded from the zip too.
    assert {"nova_mme.ingest", "nova_mme_airflow.tasks", "nova_mme_airflow.triggers"} <= set(ours)
    assert all(file.is_relative_to(home.path / "plugins") for file in ours.values())
    assert [file for file in loaded.values() if is_in_checkout(file)] == []


def test_airflow_finds_the_plugin_in_the_zip(home: Home) -> None:
    """The plugin loader executes the plugin's file and no other, and gets the listener that makes the pool."""
    found = json.loads(home.run("plugins", "--output", "json"))
    assert [(plugin["name"], plugin["listeners"]) for plugin in found if "nova" in plugin["name"]] == [
        ("nova_mme", ["nova_mme_airflow.pool"])
    ]
    executed = {file.name for file in home.loaded.values() if file.parent == home.path / "plugins"}
    assert executed == {"nova_mme_plugin.py"}


def list_vectors(client: Any, dimension: int) -> dict[str, list[float]]:
    """Key -> vector, of one index."""
    index = f"embeddings-{dimension}d"
    answer = client.list_vectors(vectorBucketName=VECTORS, indexName=index, returnData=True)
    return {vector["key"]: vector["data"]["float32"] for vector in answer["vectors"]}


def expected_keys() -> list[str]:
    """2,000 characters in segments of 800 are three, 1,178 are two."""
    rain, cats = (object_id(f"s3://{MEDIA}/{key}") for key in TEXTS)
    return sorted(
        [f"{rain}/TEXT/{index}" for index in range(3)] + [f"{cats}/TEXT/{index}" for index in range(2)]
    )


def is_in_checkout(file: Path) -> bool:
    """Whether a module is one of the sources (the virtual environment may lie inside the checkout)."""
    return file.is_relative_to(CHECKOUT) and not file.is_relative_to(sys.prefix)
