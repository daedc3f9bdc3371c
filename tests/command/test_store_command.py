"""`store`: named stores come and go, and what is not one of them stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from command.conftest import Keyboard, Run
from core.deployment import Deployment


def test_create_and_list(deployment: Deployment, run: Run) -> None:
    """Stores first, the spaces' indexes marked as such, each with its dimension."""
    made = run("store", "create", "notes", "--dimension", 256)
    listed = run("store", "list")

    assert (made.code, made.err) == (0, "")
    assert made.out.startswith("Made the store notes, 256 dimensions.")
    name = deployment.settings.space.name
    head, *rows = [line.split("  ") for line in listed.out.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert [cell.strip() for cell in head if cell.strip()] == ["name", "kind", "dimension", "created"]
    assert [row[:3] for row in cells] == [
        ["notes", "store", "256"],
        ["embeddings-1024d", f"space {name}", "1024"],
        ["embeddings-256d", f"space {name}", "256"],
        ["embeddings-3072d", f"space {name}", "3072"],
        ["embeddings-384d", f"space {name}", "384"],
    ]


def test_the_list_as_json(deployment: Deployment, run: Run) -> None:
    """The same."""
    run("store", "create", "notes")

    stores = {one["name"]: one for one in run("store", "list", "--json").document["stores"]}

    assert len(stores) == 5
    assert (stores["notes"]["kind"], stores["notes"]["dimension"]) == ("store", 1024)
    assert stores["embeddings-256d"]["space"] == deployment.settings.space.name


def test_info(deployment: Deployment, run: Run, tmp_path: Path) -> None:
    """What it is, and what is in it; for people and for programs."""
    run("store", "create", "notes")
    (tmp_path / "a.txt").write_text("Cats.")
    run("index", tmp_path, "--store", "notes")

    told = dict(line.split(maxsplit=1) for line in run("store", "info", "notes").out.splitlines())
    document = run("store", "info", "notes", "--json").document

    assert (told["dimension"], told["chunks"], told["files"]) == ("1,024", "1", "1")
    assert told["space"] == document["space"] == deployment.settings.space.name
    assert (document["kind"], document["chunks"], document["files"]) == ("store", 1, 1)


def test_info_of_a_spaces_index(deployment: Deployment, run: Run) -> None:
    """Says whose it is, and counts nothing: there may be millions."""
    done = run("store", "info", "embeddings-256d")

    assert done.code == 0
    assert f"space {deployment.settings.space.name}" in done.out
    assert deployment.calls("s3vectors.ListVectors") == 1  # of setting up


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("create", "embeddings-mine"), "are the indexes of spaces"),
        (("create", "My Notes"), "cannot be a store's name"),
        (("create", "notes"), "There is an index 'notes' already"),
        (("info", "none"), "There is no store 'none'"),
        (("delete", "none", "--yes"), "There is no store 'none'"),
        (("delete", "embeddings-256d", "--yes"), "backfill_embeddings retires it with its space"),
        (("delete", "notes"), "nobody can be asked here. Say --yes"),
    ],
)
def test_what_is_refused(
    deployment: Deployment,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    """Exit code 1, a sentence, and nothing is changed."""
    run("store", "create", "notes")
    with open("/dev/null") as nobody:
        monkeypatch.setattr("sys.stdin", nobody)

        done = run("store", *arguments)

    assert (done.code, done.out) == (1, "")
    assert message in done.err
    assert len(run("store", "list", "--json").document["stores"]) == 5


@pytest.mark.parametrize(
    ("typed", "code", "left"), [("y\n", 0, 4), ("YES\n", 0, 4), ("n\n", 1, 5), ("\n", 1, 5), ("\x04", 1, 5)]
)
def test_deletion_asks(
    deployment: Deployment,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    keyboard: Keyboard,
    typed: str,
    code: int,
    left: int,
) -> None:
    """Only yes is yes; the question goes to stderr."""
    run("store", "create", "notes")
    monkeypatch.setattr("sys.stdin", keyboard.stream)
    keyboard.type(typed)

    done = run("store", "delete", "notes")

    assert done.code == code
    assert done.err.startswith("Delete the store notes with all that is in it? [y/N] ")
    assert len(run("store", "list", "--json").document["stores"]) == left


def test_deletion_without_a_question(deployment: Deployment, run: Run) -> None:
    """Where --yes says it is meant."""
    run("store", "create", "notes")

    done = run("store", "delete", "notes", "--yes", "--json")

    assert (done.code, done.document, done.err) == (0, {"deleted": "notes"}, "")
