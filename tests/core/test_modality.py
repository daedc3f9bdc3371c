"""Modalities: which file belongs to which, under what name of the schema, within which limits."""

from __future__ import annotations

import pytest

from nova_mme.modality import Limits, Modality, suffix_of

_MB = 2**20


@pytest.mark.parametrize(
    ("name", "modality", "media_format"),
    [
        ("notes.txt", Modality.TEXT, "text"),
        ("README.MD", Modality.TEXT, "text"),
        ("subtitles.srt", Modality.TEXT, "text"),
        ("photo.jpg", Modality.IMAGE, "jpeg"),
        ("photo.JPEG", Modality.IMAGE, "jpeg"),
        ("loop.gif", Modality.IMAGE, "gif"),
        ("clip.mp4", Modality.VIDEO, "mp4"),
        ("old.MPG", Modality.VIDEO, "mpg"),
        ("phone.3gp", Modality.VIDEO, "3gp"),
        ("song.mp3", Modality.AUDIO, "mp3"),
        ("deep/folder/a b+c=ü.wav", Modality.AUDIO, "wav"),
        ("two.dots.ogg", Modality.AUDIO, "ogg"),
        ("Report.PDF", Modality.DOCUMENT, "pdf"),
        ("letter.docx", Modality.DOCUMENT, "docx"),
    ],
)
def test_a_file_name_tells_modality_and_format(name: str, modality: Modality, media_format: str) -> None:
    """The extension decides, whatever its case, and .jpg is the schema's jpeg."""
    assert Modality.of_name(name) is modality
    assert modality.format_of(name) == media_format


@pytest.mark.parametrize(
    "name", ["", "noextension", ".mp4", "folder.mp4/file", "a.mp4/", "a.", "x.zip", "a.mp4 "]
)
def test_a_name_without_a_known_extension_has_no_modality(name: str) -> None:
    """No extension, a foreign one, or one that belongs to a folder is nobody's."""
    assert Modality.of_name(name) is None
    assert all(modality.format_of(name) is None for modality in Modality)


def test_no_extension_belongs_to_two_modalities() -> None:
    """A file is taken up by one DAG only."""
    suffixes = [suffix for modality in Modality for suffix in modality.suffixes]

    assert len(suffixes) == len(set(suffixes))


def test_formats_are_those_of_the_schema() -> None:
    """Each of the schema's formats has an extension, and nothing else is offered."""
    assert Modality.IMAGE.formats == {"png", "jpeg", "gif", "webp"}
    assert Modality.AUDIO.formats == {"mp3", "wav", "ogg"}
    assert Modality.VIDEO.formats == {"mp4", "mov", "mkv", "webm", "flv", "mpeg", "mpg", "wmv", "3gp"}


@pytest.mark.parametrize(
    ("modality", "limits"),
    [
        (Modality.TEXT, Limits(634 * _MB, 1900, 32_000, 800, 50_000)),
        (Modality.IMAGE, Limits(50 * _MB, 1)),
        (Modality.VIDEO, Limits(2048 * _MB, 1434, 5, 1, 30)),
        (Modality.AUDIO, Limits(1024 * _MB, 1434, 5, 1, 30)),
        (Modality.DOCUMENT, Limits(100 * _MB, 1000, 32_000, 800, 50_000)),
    ],
)
def test_limits_are_those_of_the_asynchronous_api(modality: Modality, limits: Limits) -> None:
    """Sizes, segment counts, and the range of a segment's length."""
    assert modality.limits == limits


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.TXT", "txt"), ("a/b.c/d", ""), (".hidden", ""), ("a.b.C", "c"), ("ends.", ""), ("x/.a.b", "b")],
)
def test_suffix_of_looks_at_the_last_path_element(name: str, suffix: str) -> None:
    """Lower case, without the dot; a dot file has none."""
    assert suffix_of(name) == suffix
