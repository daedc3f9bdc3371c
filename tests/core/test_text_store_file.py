"""Local text files: which ones a pattern means, and what cannot be read as text."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from nova_mme.errors import BadSource, Reason
from nova_mme.text_store import text_file
from nova_mme.text_store.text_file import drop_doubles, find_files, find_uri, read_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some files, texts and others."""
    for name in (
        "a.md",
        "b.txt",
        "c.png",
        "[x].txt",
        "below/d.md",
        "below/deep/e.md",
        ".hidden/f.md",
        ".g.md",
    ):
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("words")
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.md", ["a.md"]),
        ("*.md", ["a.md"]),
        ("**/*.md", ["a.md", "below/d.md", "below/deep/e.md"]),
        ("*", ["[x].txt", "a.md", "b.txt", "c.png"]),  # no directory
        ("[x].txt", ["[x].txt"]),  # there is such a file
        ("[ab].*", ["a.md", "b.txt"]),
        (
            "",
            ["[x].txt", "a.md", "b.txt", "below/d.md", "below/deep/e.md"],
        ),  # the directory itself: its texts
        (".*.md", [".g.md"]),
        ("none", []),
        ("*.none", []),
    ],
)
def test_what_a_pattern_means(folder: Path, pattern: str, names: list[str]) -> None:
    """In order; hidden files only where the dot is named."""
    found = find_files(os.path.join(folder, pattern))

    assert [str(path.relative_to(folder)) for path in found] == names


def test_a_file_counts_once(folder: Path) -> None:
    """However it is reached: twice by name, by way of another folder, or by a link."""
    (folder / "link.md").symlink_to(folder / "a.md")
    ways = [
        folder / "a.md",
        folder / "a.md",
        folder / "below" / ".." / "a.md",
        folder / "link.md",
        folder / "b.txt",
    ]

    assert drop_doubles(ways) == [folder / "a.md", folder / "b.txt"]


def test_what_is_read_of_a_file(folder: Path) -> None:
    """Its text, hash, size and time, and a URI."""
    place = folder / "näme %.txt"
    place.write_bytes("\ufeffGrüße\r\n".encode())
    os.utime(place, (1_700_000_000, 1_700_000_000))

    file = read_file(place)

    assert (file.text, file.size, file.modified) == ("Grüße\r\n", 12, 1_700_000_000)
    assert file.etag == hashlib.sha256(place.read_bytes()).hexdigest()
    assert file.uri == find_uri(place)
    assert file.uri.endswith("/n%C3%A4me%20%25.txt")
    assert file.name == "näme %.txt"


def test_utf_16_is_read(folder: Path) -> None:
    """With its byte order mark."""
    (folder / "wide.txt").write_bytes("Grüße".encode("utf-16"))

    assert read_file(folder / "wide.txt").text == "Grüße"


def test_a_name_that_is_no_utf_8(folder: Path) -> None:
    """Is read all the same; the name can be stored."""
    place = os.fsencode(folder) + b"/caf\xe9.txt"
    Path(os.fsdecode(place)).write_text("words")

    file = read_file(Path(os.fsdecode(place)))

    assert file.name == "caf?.txt"
    assert file.uri.endswith("/caf%E9.txt")


@pytest.mark.parametrize(
    ("content", "reason", "message"),
    [
        (b"", Reason.EMPTY, "nothing in it"),
        (b" \n\t ", Reason.EMPTY, "nothing in it"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", Reason.WRONG_CONTENT, "binary data"),
        (b"words\0words", Reason.WRONG_CONTENT, "binary data"),
        ("Grüße".encode("latin-1"), Reason.WRONG_CONTENT, "not UTF-8"),
        (b"%PDF-1.7 ...", Reason.WRONG_CONTENT, "a PDF document"),
    ],
)
def test_files_that_are_no_texts(folder: Path, content: bytes, reason: Reason, message: str) -> None:
    """Say why."""
    (folder / "x.txt").write_bytes(content)

    with pytest.raises(BadSource, match=message) as caught:
        read_file(folder / "x.txt")

    assert caught.value.reason is reason


def test_a_file_that_is_too_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not read to its end."""
    monkeypatch.setattr(text_file, "MAX_BYTES", 4)

    with pytest.raises(BadSource, match="split it"):
        read_file(folder / "a.md")


def test_what_is_no_file(folder: Path) -> None:
    """Neither a missing file, nor a pipe, nor a link in a circle keeps anybody waiting."""
    os.mkfifo(folder / "pipe")
    (folder / "circle").symlink_to(folder / "circle")

    for name in ("none", "pipe", "circle"):
        with pytest.raises(BadSource) as caught:
            read_file(folder / name)
        assert caught.value.reason is Reason.UNREADABLE
