"""`index` and `query`: local files go into a named store, and what they say is found in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from command.conftest import Keyboard, Run
from core.deployment import Deployment

_COFFEE = "Espresso is strong coffee, and it is drunk from small cups."
_RAIN = "Rain falls from clouds when drops grow too heavy."


@pytest.fixture
def folder(deployment: Deployment, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with some texts, and an empty store ``notes``."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "coffee.md").write_text(_COFFEE)
    (tmp_path / "deep" / "rain.md").write_text(_RAIN)
    monkeypatch.chdir(tmp_path)
    assert run("store", "create", "notes", "--dimension", 256).code == 0
    return tmp_path


def test_a_quoted_pattern(folder: Path, run: Run) -> None:
    """Is expanded by the command itself; the result is one line, and stderr is quiet without a terminal."""
    done = run("index", "**/*.md", "--store", "notes")

    assert (done.code, done.err) == (0, "")
    assert done.out == "2 indexed, 0 unchanged, 0 failed; 2 chunks embedded, 0 removed\n"


def test_once_more(folder: Path, deployment: Deployment, run: Run) -> None:
    """Nothing is embedded twice, however the files are named."""
    run("index", "**/*.md", "--store", "notes")
    before = deployment.calls("bedrock-runtime.InvokeModel")

    done = run("index", folder, folder / "coffee.md", "./deep/../coffee.md", "--store", "notes")

    assert done.out == "0 indexed, 2 unchanged, 0 failed; 0 chunks embedded, 0 removed\n"
    assert deployment.calls("bedrock-runtime.InvokeModel") == before


def test_what_failed_is_named(folder: Path, run: Run) -> None:
    """On stderr, in a line each, and the exit code is 1; the others are indexed."""
    (folder / "bad\x1b[31m.md").write_bytes(b"\0\1")
    (folder / "empty.md").touch()

    done = run("index", "*.md", "none.md", "*.rst", "--store", "notes")

    assert done.code == 1
    assert sorted(done.err.splitlines()) == [
        "*.rst: There is no such file.",
        "bad [31m.md: It is no text to index: it holds binary data.",
        "empty.md: There is nothing in it to index.",
        "none.md: There is no such file.",
    ]
    assert done.out == "1 indexed, 0 unchanged, 4 failed; 1 chunk embedded, 0 removed\n"


def test_the_outcome_as_json(folder: Path, run: Run) -> None:
    """File by file, and all of stdout."""
    done = run("index", "coffee.md", "none.md", "--store", "notes", "--json")

    assert done.code == 1
    files = {one.pop("path"): one for one in done.document["files"]}
    assert files == {
        "coffee.md": {"fate": "indexed", "chunks": 1, "embedded": 1, "removed": 0, "problem": None},
        "none.md": {
            "fate": "failed",
            "chunks": 0,
            "embedded": 0,
            "removed": 0,
            "problem": "There is no such file.",
        },
    }
    assert (done.document["indexed"], done.document["failed"], done.document["chunks_embedded"]) == (1, 1, 1)


@pytest.mark.parametrize(("overlap", "chunks"), [(0, 10), (40, 14)])
def test_chunks_of_ones_own_size(folder: Path, run: Run, overlap: int, chunks: int) -> None:
    """Eleven words in each; four of them again in the next one, where there is an overlap."""
    (folder / "long.md").write_text(" ".join(f"word{number:04}" for number in range(100)))
    sizes = ("--chunk-characters", 100, "--overlap", overlap)

    done = run("index", "long.md", "--store", "notes", *sizes, "--json")

    assert done.document["files"][0]["chunks"] == chunks


def test_there_is_no_such_store(folder: Path, deployment: Deployment, run: Run) -> None:
    """Nothing is embedded."""
    for name in ("none", "embeddings-256d"):
        done = run("index", "*.md", "--store", name)

        assert (done.code, done.out) == (1, "")
        assert repr(name) in done.err
    assert deployment.calls("bedrock-runtime.InvokeModel") == 0


def test_progress_on_a_terminal(
    folder: Path, run: Run, keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line of stderr, which is gone at the end."""
    monkeypatch.setattr("sys.stderr", keyboard.stream)

    run("index", "*.md", "--store", "notes")

    seen = keyboard.seen("1 chunk embedded\r\x1b[K")
    assert "0 of 1 files, 1 chunk embedded" in seen


def test_a_ranked_table(folder: Path, run: Run) -> None:
    """Score, file as seen from here, span and snippet."""
    run("index", "**/*.md", "--store", "notes")

    done = run("query", "strong espresso coffee", "--store", "notes")

    first, snippet, second, _ = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert first.split() == ["1", first.split()[1], "coffee.md", "0", "to", "59"]
    assert snippet.strip() == _COFFEE
    assert "deep/rain.md" in second
    assert float(first.split()[1]) > float(second.split()[1])


def test_the_answer_as_json(folder: Path, deployment: Deployment, run: Run) -> None:
    """With whole texts, and what was asked."""
    run("index", "**/*.md", "--store", "notes")

    document = run("query", "rain", "--store", "notes", "--top-k", 1, "--json").document

    (result,) = document.pop("results")
    assert document == {
        "query": "rain",
        "store": "notes",
        "dimension": 256,
        "space": deployment.settings.space.name,
        "score": "cosine similarity (1 - distance)",
    }
    assert (result["text"], result["name"]) == (_RAIN, "rain.md")
    assert result["uri"] == (folder / "deep" / "rain.md").as_uri()
    assert result["span"] == {"start_character": 0, "end_character": len(_RAIN)}


def test_an_empty_store(folder: Path, run: Run) -> None:
    """Answers nothing, says why on stderr, and is no failure."""
    table, answer = (
        run("query", "rain", "--store", "notes"),
        run("query", "rain", "--store", "notes", "--json"),
    )

    assert (table.code, table.out) == (0, "")
    assert "is empty" in table.err
    assert answer.document["results"] == []


def test_names_and_texts_are_flattened(folder: Path, run: Run) -> None:
    """None of them reaches the terminal as it is."""
    (folder / "a\u202e\x1b]0;x.md").write_text("Tea \x1b[31m\x9b\u2028 is green.")
    run("index", "a*.md", "--store", "notes")

    table, answer = run("query", "tea", "--store", "notes"), run("query", "tea", "--store", "notes", "--json")

    for text in (table.out, answer.out):
        assert not set("\x1b\x9b\u2028\u202e") & set(text)
    assert answer.document["results"][0]["text"] == "Tea \x1b[31m\x9b\u2028 is green."
