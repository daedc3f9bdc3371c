"""`python -m nova_mme evaluate`: files, table, and what it says when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from core.corpora import stock_corpus
from core.deployment import Deployment

from nova_mme_command.main import main


@pytest.fixture
def stocked(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment with sixty vectors, which the environment names."""
    stock_corpus(deployment, 60)
    return _name(deployment, monkeypatch)


def _name(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    settings = {
        "source_uri": "s3://media",
        "output_uri": "s3://output/nova",
        "vector_bucket": "vectors",
        "ledger_table": "ledger",
        "model_revision": "test",
    }
    monkeypatch.setenv("AIRFLOW_VAR_NOVA_MME", json.dumps(settings))
    monkeypatch.setenv("AWS_ENDPOINT_URL", deployment.aws.url)
    return deployment


def test_it_writes_a_page_and_figures_and_prints_a_table(
    stocked: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Into a folder that it makes, and names; with the queries of a file."""
    queries, folder = tmp_path / "queries.txt", tmp_path / "a" / "b"
    queries.write_text('cats at night\n{"text": "rain"}\n')

    code = main(["evaluate", "--queries", str(queries), "--output", str(folder), "--timed", "1"])

    shown = capsys.readouterr()
    assert code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["evaluation.html", "evaluation.json"]
    figures = json.loads((folder / "evaluation.json").read_text())
    assert (figures["total"], figures["queries"], figures["given"]) == (60, 2, True)
    assert "2 queries of a file, among 60 vectors of 30 sources" in shown.out
    assert "256d > 3072d" in shown.out
    assert str(folder / "evaluation.html") in shown.out
    assert shown.err.splitlines() == [
        "Reading vectors ...",
        "Embedding the queries ...",
        "Ranking ...",
        "Searching for real ...",
    ]
    assert "How good searches are" in (folder / "evaluation.html").read_text()


def test_options_say_how_much(
    stocked: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the corpus, of the queries, of the shortlist; and that nothing is searched."""
    options = ["--sample", "40", "--count", "5", "--shortlist", "30", "--timed", "0"]

    assert main(["evaluate", "--output", str(tmp_path), *options]) == 0

    figures = json.loads((tmp_path / "evaluation.json").read_text())
    assert (figures["taken"], figures["queries"], figures["shortlist"]) == (40, 5, 30)
    assert [item["shortlist"] for item in figures["shortlists"]] == [20, 30, 50, 100, 200, 500]
    assert stocked.calls("s3vectors.QueryVectors") == 0
    assert "a sample of 40 of 60 vectors" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--queries", "/nowhere/q.txt"], "The queries /nowhere/q.txt cannot be read: No such file"),
        (["--shortlist", "5"], "shortlist is 5; it can be 10 to 1,000."),
        (["--output", "/dev/null/x"], "The folder /dev/null/x cannot be made: Not a directory"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(
    stocked: Deployment, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """With exit code 1, and before anything is read."""
    before = stocked.calls("s3vectors.ListVectors")

    assert main(["evaluate", *arguments]) == 1

    assert capsys.readouterr().err.startswith(message)
    assert stocked.calls("s3vectors.ListVectors") == before


def test_with_nothing_stored_it_says_what_to_do(
    deployment: Deployment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one sentence, with exit code 1, and leaves no page."""
    _name(deployment, monkeypatch)

    assert main(["evaluate", "--output", str(tmp_path)]) == 1

    assert (
        "There are no vectors in vectors/embeddings-3072d. Embed something first" in capsys.readouterr().err
    )
    assert list(tmp_path.iterdir()) == []
