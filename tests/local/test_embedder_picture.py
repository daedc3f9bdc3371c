"""Pictures: which of them are alike, and which files are none."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from local.media_files import PICTURES, draw, picture
from PIL import Image

from nova_mme_local.embedder.embedder import Embedder
from nova_mme_local.embedder.picture import load_picture
from nova_mme_local.embedder.projection import Vector, take_prefix
from nova_mme_local.embedder.refusals import Undecodable


def embed(path: Path, content: bytes, media_format: str, *, name: str = "") -> Vector:
    """Embed a picture by way of a file."""
    path.write_bytes(content)
    return Embedder("nova-1", name=name).embed_picture(load_picture(path, media_format))


@pytest.mark.parametrize("dimension", [256, 3072])
def test_the_nearest_picture_is_of_the_same_class(tmp_path: Path, dimension: int) -> None:
    """Each picture's nearest neighbour is a variant of it, in whatever format."""
    formats = ("png", "jpeg", "webp", "gif")
    kinds = [kind for kind in PICTURES for _ in formats]
    vectors = [
        embed(tmp_path / "p", picture(kind, variant, media_format=name), name)
        for kind in PICTURES
        for variant, name in enumerate(formats)
    ]
    matrix = np.stack([take_prefix(vector, dimension) for vector in vectors])
    likeness = matrix @ matrix.T
    np.fill_diagonal(likeness, -1)
    assert [kinds[nearest] for nearest in likeness.argmax(1)] == kinds


def test_the_name_leads_a_text_to_a_picture(tmp_path: Path) -> None:
    """A text finds the picture that is named so, and hardly moves it away from its like."""
    content = picture("disc")
    plain, named = (embed(tmp_path / "p", content, "png", name=name) for name in ("", "red-kite.png"))
    query = Embedder("nova-1").embed_text("a kite in the sky")
    assert float(query @ named) > 0.1 > abs(float(query @ plain))
    assert float(plain @ named) > 0.9


def test_a_plain_picture_has_a_direction(tmp_path: Path) -> None:
    """One colour all over gives a unit vector, and black differs from white."""
    vectors = []
    for colour in ("black", "white"):
        file = io.BytesIO()
        Image.new("RGB", (10, 10), colour).save(file, "png")
        vectors.append(embed(tmp_path / "p", file.getvalue(), "png"))
    assert np.linalg.norm(vectors[0]) == pytest.approx(1)
    assert float(vectors[0] @ vectors[1]) < 0.9


def test_what_is_transparent_counts_as_white(tmp_path: Path) -> None:
    """Colours under full transparency, which nobody sees, are not looked at."""
    opaque = np.concatenate([draw("disc"), np.zeros((72, 96, 1), np.uint8)], axis=2)
    Image.fromarray(opaque, "RGBA").save(tmp_path / "p", "png")
    assert (load_picture(tmp_path / "p", "png") == 255).all()


def test_a_photograph_is_seen_as_it_was_taken(tmp_path: Path) -> None:
    """The camera's orientation mark is obeyed."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right by 90 degrees
    Image.fromarray(draw("sky")).save(tmp_path / "p", "jpeg", exif=exif)
    pixels = load_picture(tmp_path / "p", "jpeg").astype(int)
    assert pixels[:, -8:].mean() > pixels[:, :8].mean() + 50  # bright was the top


def test_a_bomb_is_not_decoded(tmp_path: Path) -> None:
    """A PNG of a few bytes that claims 30000 x 30000 pixels is refused before memory is taken."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"0" * 100)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    with pytest.raises(Undecodable, match="too large"):
        embed(tmp_path / "p", b"\x89PNG\r\n\x1a\n" + body, "png")


def test_a_limit_of_pixels_can_be_lowered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's MAX_IMAGE_PIXELS is the limit, not twice of it."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 96 * 72 - 1)
    with pytest.warns(Image.DecompressionBombWarning), pytest.raises(Undecodable, match="96 x 72 pixels"):
        embed(tmp_path / "p", picture("sky"), "png")


@pytest.mark.parametrize(
    ("content", "media_format"),
    [
        (b"no picture at all", "png"),
        (b"", "jpeg"),
        (picture("disc")[:200], "png"),
        (picture("disc", media_format="jpeg"), "png"),
    ],
)
def test_files_that_are_no_picture_of_that_format(tmp_path: Path, content: bytes, media_format: str) -> None:
    """Text, nothing, half a file and another format are refused, naming the format and not our path."""
    with pytest.raises(Undecodable, match=f"as a {media_format} image") as caught:
        embed(tmp_path / "p", content, media_format)
    assert str(tmp_path) not in str(caught.value)
