"""Media of a folder: what is taken, what is left out and why, and what need not be uploaded again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nova_mme.modality import Modality
from nova_mme_local import media as media_module
from nova_mme_local.media import Media
from nova_mme_local.stackerror import StackError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A holiday's worth of files."""
    root = tmp_path / "Sommer 2025!"
    for name in (
        "sea.jpg",
        "sub/waves.MP3",
        "sub/diary.txt",
        "taxes.xls",
        ".DS_Store",
        ".git/x.txt",
        "README",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def test_takes_what_can_be_embedded(folder: Path) -> None:
    """Files of known types at any depth, under a prefix of the folder's name; hidden ones are not mentioned."""
    media = Media.folder(folder)
    assert {file.key: file.modality for file in media.files} == {
        "Sommer-2025/sea.jpg": Modality.IMAGE,
        "Sommer-2025/sub/diary.txt": Modality.TEXT,
        "Sommer-2025/sub/waves.MP3": Modality.AUDIO,
    }
    assert media.left_out == ("README (unknown type)", "taxes.xls (unknown type)")
    assert media.counts() == {Modality.IMAGE: 1, Modality.TEXT: 1, Modality.AUDIO: 1}


def test_a_folder_without_media_is_refused(tmp_path: Path) -> None:
    """The sentence has the folder and the types that are taken."""
    (tmp_path / "a.xls").touch()
    with pytest.raises(StackError, match=rf"Nothing in {tmp_path} can be embedded \(1 other files\).*\.mp4"):
        Media.folder(tmp_path)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    """A file, or nothing at all, is named."""
    with pytest.raises(StackError, match="is not a folder"):
        Media.folder(tmp_path / "nothing")


def test_names_what_it_cannot_read(folder: Path) -> None:
    """A link to nowhere is left out with its reason."""
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    assert "gone.png (cannot be read)" in Media.folder(folder).left_out


def test_names_what_has_an_impossible_name(folder: Path) -> None:
    """A name that is no UTF-8 can be no key; the demo goes on without it."""
    bad = os.fsencode(folder) + b"/caf\xe9.png"
    try:
        with open(bad, "wb"):
            pass
    except OSError:  # macOS refuses such names itself: then there is nothing to leave out
        return
    assert any("cannot be a key" in why for why in Media.folder(folder).left_out)


def test_samples_are_all_taken() -> None:
    """Of the project's own media nothing is left out, and every modality is there."""
    media = Media.samples()
    assert media.prefix == "samples/"
    assert media.left_out == ()
    assert set(media.counts()) == set(Modality)


def test_uploads_only_what_is_new_or_changed(folder: Path, client: Callable[..., Any]) -> None:
    """The second time nothing goes up; after a change of one file, one does."""
    s3 = client("s3")
    s3.create_bucket(Bucket="media")
    assert Media.folder(folder).upload(s3, "media") == (3, 0)
    assert Media.folder(folder).upload(s3, "media") == (0, 3)
    (folder / "sea.jpg").write_bytes(b"SEA.jpg")  # as long as before
    assert Media.folder(folder).upload(s3, "media") == (1, 2)
    assert s3.get_object(Bucket="media", Key="Sommer-2025/sea.jpg")["Body"].read() == b"SEA.jpg"


def test_knows_files_again_that_went_up_in_parts(
    folder: Path, client: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file over the part size has another kind of ETag, and is not uploaded twice either."""
    part = 5 * 1024 * 1024  # the smallest that S3 takes
    monkeypatch.setattr(media_module, "_PART", part)
    config = media_module.TransferConfig(multipart_threshold=part + 1, multipart_chunksize=part)
    monkeypatch.setattr(media_module, "_TRANSFER", config)
    (folder / "sea.jpg").write_bytes(bytes(range(256)) * (part // 256) * 2 + b"more")
    s3 = client("s3")
    s3.create_bucket(Bucket="media")
    assert Media.folder(folder).upload(s3, "media") == (3, 0)
    assert s3.head_object(Bucket="media", Key="Sommer-2025/sea.jpg")["ETag"].endswith('-3"')
    assert Media.folder(folder).upload(s3, "media") == (0, 3)
