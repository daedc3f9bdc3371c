"""`search` and `status`: what they print of a deployment, for people and for programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from command.conftest import Run
from core.builders import make_run
from core.deployment import Deployment
from core.media import make_image

from nova_mme.modality import Modality

_COFFEE = b"Coffee is brewed from roasted beans, and espresso is strong coffee."
_RAIN = b"Rain falls from clouds when drops grow too heavy for the air."


@pytest.fixture
def stocked(deployment: Deployment) -> Deployment:
    """A deployment with two texts and a picture."""
    deployment.upload("drinks/coffee.txt", _COFFEE)
    deployment.upload("weather/rain.txt", _RAIN)
    deployment.upload("noise.png", make_image("png"))
    for modality in (Modality.TEXT, Modality.IMAGE):
        deployment.embed(make_run(modality))
    return deployment


def _uris(run: Run, *arguments: object) -> list[str]:
    done = run("search", *arguments, "--json")
    assert (done.code, done.err) == (0, "")
    return [result["uri"] for result in done.document["results"]]


def test_a_table_by_default(stocked: Deployment, run: Run) -> None:
    """Ranked, with score, place, URI and snippet."""
    done = run("search", "coffee from roasted beans", "--modality", "text")

    heading, facts, head, first, snippet, *_ = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert heading == "Query 1: coffee from roasted beans"
    assert facts.startswith(f"  2 sources; space {stocked.settings.space.name}, flat at 1024;")
    assert head.split() == ["score", "modality", "span", "source"]
    assert first.split()[0] == "1"
    assert first.endswith("s3://media/drinks/coffee.txt")
    assert snippet.strip() == _COFFEE.decode()


def test_the_whole_answer_as_json(stocked: Deployment, run: Run) -> None:
    """As the DAG keeps it."""
    document = run("search", "coffee", "--strategy", "hierarchical", "--dimension", 3072, "--json").document

    assert document["query"] == {"text": "coffee"}
    assert (document["strategy"], document["dimension"]) == ("hierarchical", 3072)
    assert [stage["operation"] for stage in document["stages"]][-2:] == ["QueryVectors", "GetVectors"]


def test_context_for_a_language_model(stocked: Deployment, run: Run) -> None:
    """Id, text, uri and span, and no more."""
    first, *_ = run("search", "coffee", "--modality", "text", "--context").document

    assert first == {
        "id": first["id"],
        "text": _COFFEE.decode(),
        "uri": "s3://media/drinks/coffee.txt",
        "span": {"start_character": 0, "end_character": len(_COFFEE)},
    }


def test_what_narrows_it_down(stocked: Deployment, run: Run) -> None:
    """Modality, condition, prefix and counts reach the search."""
    assert len(_uris(run, "coffee")) == 3
    assert _uris(run, "coffee", "--modality", "image") == ["s3://media/noise.png"]
    assert _uris(run, "coffee", "--condition", "format = png") == ["s3://media/noise.png"]
    assert _uris(run, "coffee", "--prefix", "weather/") == ["s3://media/weather/rain.txt"]
    assert _uris(run, "coffee", "--modality", "text", "--top-k", 1) == ["s3://media/drinks/coffee.txt"]


def test_a_file_as_the_query(stocked: Deployment, run: Run, tmp_path: Path) -> None:
    """A picture finds itself; a text is taken for its words."""
    (tmp_path / "Q.png").write_bytes(make_image("png"))
    (tmp_path / "q.txt").write_bytes(_RAIN)

    assert _uris(run, "--file", tmp_path / "Q.png", "--top-k", 1) == ["s3://media/noise.png"]
    assert _uris(run, "--file", tmp_path / "q.txt", "--top-k", 1) == ["s3://media/weather/rain.txt"]


def test_a_stored_source_as_the_query(stocked: Deployment, run: Run) -> None:
    """Finds others, without the model."""
    before = stocked.calls("bedrock-runtime.InvokeModel")
    uri = "s3://media/weather/rain.txt"

    found = _uris(run, "--source", uri, "--modality", "text")

    assert found == ["s3://media/drinks/coffee.txt"]
    assert stocked.calls("bedrock-runtime.InvokeModel") == before


@pytest.mark.parametrize("name", ["none.png", "q.docx", "folder.png"])
def test_files_that_cannot_be_asked_with(deployment: Deployment, run: Run, tmp_path: Path, name: str) -> None:
    """Are told in a sentence."""
    (tmp_path / "q.docx").write_bytes(b"PK")
    (tmp_path / "folder.png").mkdir()

    done = run("search", "--file", tmp_path / name)

    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)


def test_a_source_that_is_not_stored(deployment: Deployment, run: Run) -> None:
    """Is nothing that was typed wrong, yet did not work."""
    done = run("search", "--source", "s3://media/none.txt")

    assert (done.code, done.out) == (1, "")
    assert "holds no vector of s3://media/none.txt" in done.err


def test_no_text_reaches_the_terminal_as_it_is(deployment: Deployment, run: Run) -> None:
    """Names and contents that would colour it, end a line or turn it round; JSON has them escaped."""
    deployment.upload("a\u202egnp.txt", "Cats \x1b[31m\x9b31m \u2028are grey.".encode())
    deployment.embed(make_run())

    table, answer = run("search", "cats"), run("search", "cats", "--json")

    for text in (table.out, answer.out):
        assert not set("\x1b\x9b\u2028\u202e") & set(text)
    assert answer.document["results"][0]["uri"] == "s3://media/a\u202egnp.txt"
    assert "\x1b[31m\x9b31m" in answer.document["results"][0]["spans"][0]["text"]


def test_status(stocked: Deployment, run: Run) -> None:
    """Every space with its coverage, under heads that name the numbers."""
    stocked.upload("bad.txt", b"\0\1")
    stocked.embed(make_run())

    lines = run("status").out.splitlines()

    assert lines[0] == "s3://media  ->  vectors, ledger ledger"
    assert lines[2] == f"{stocked.settings.space.name} (active)"
    assert "  failed: 1 content_is_not_its_type" in lines
    rows = [line.split() for line in lines if line.startswith(("modality", "image", "text"))]
    assert rows == [
        [
            "modality",
            "sources",
            "stored",
            "share",
            "failed",
            "in-flight",
            "missing",
            "other-recipe",
            "segments",
        ],
        ["image", "1", "1", "100.0%", "0", "0", "0", "0", "1"],
        ["text", "3", "2", "66.7%", "1", "0", "0", "0", "2"],
    ]


def test_status_as_json(stocked: Deployment, run: Run) -> None:
    """The same numbers."""
    (space,) = run("status", "--json").document["spaces"]

    assert (space["space"], space["state"]) == (stocked.settings.space.name, "active")
    assert space["modalities"]["text"]["stored"] == 2


def test_status_of_an_empty_deployment(deployment: Deployment, run: Run) -> None:
    """Says that there is nothing, and is no failure."""
    done = run("status")

    assert done.code == 0
    assert "nothing is embedded yet" in done.out
