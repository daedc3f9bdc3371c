"""`make evaluate`: the local stack while it runs, and else what the shell is set for."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_mme_local.evaluation import main
from nova_mme_local.server import LocalAws
from nova_mme_local.stack import Stack


class _Running(Stack):
    """A stack that is said to run, at an address."""

    url = ""

    def is_running(self) -> bool:
        return True

    @property
    def aws_url(self) -> str:
        return self.url

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AIRFLOW_VAR_NOVA_MME": json.dumps(
                {
                    "source_uri": "s3://media",
                    "output_uri": "s3://output",
                    "vector_bucket": "vectors",
                    "ledger_table": "of-the-stack",
                }
            ),
        }


@pytest.fixture(autouse=True)
def _keep_environment() -> Iterator[None]:
    """What the command puts into the environment ends with the test."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def test_without_a_stack_the_shell_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And where it is set for nothing, it is said what to set."""
    assert main(["--timed", "0"], home=tmp_path) == 1

    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("The local stack does not run")
    assert "AIRFLOW_VAR_NOVA_MME" in second


def test_a_running_stack_goes_before_the_shell(
    local_aws: LocalAws,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its settings and its address; a profile of the shell's is not used."""
    monkeypatch.setattr("nova_mme_local.evaluation.Stack", _Running)
    monkeypatch.setattr(_Running, "url", local_aws.url)
    os.environ["AWS_PROFILE"] = "somebody's"

    assert main([], home=tmp_path) == 1

    shown = capsys.readouterr().err
    assert f"The local stack runs: its vectors are evaluated, at {local_aws.url}." in shown
    assert "There is no table 'of-the-stack'" in shown
    assert "AWS_PROFILE" not in os.environ
