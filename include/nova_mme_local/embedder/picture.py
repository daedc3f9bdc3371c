"""What a picture is made of, for the stand-in: 1,023 numbers on colour, layout, edges and texture, from 64 x 64 pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nova_mme_local.embedder.frequencies import take_low_frequencies
from nova_mme_local.embedder.projection import Vector, centre, join_blocks
from nova_mme_local.embedder.refusals import Undecodable

SIDE = 64
_CELL = 8  # pixels of a side of a cell of the edge histogram
_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))

Pixels = NDArray[np.uint8]


def load_picture(path: Path, media_format: str) -> Pixels:
    """Decode an image file (the first frame of an animation) to (64, 64, 3) RGB pixels.

    :param media_format: png, jpeg, gif or webp; the content must be of it.
    :raises Undecodable: not an image of that format, damaged, or with more pixels than Pillow's
        MAX_IMAGE_PIXELS (a decompression bomb).
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=[media_format]) as image:
            most = Image.MAX_IMAGE_PIXELS
            if most and image.width * image.height > most:
                raise Undecodable(
                    f"The image has {image.width} x {image.height} pixels; at most {most:,} are read"
                )
            image.draft("RGB", (4 * SIDE, 4 * SIDE))  # a JPEG is then decoded at a fraction of its size
            small = _lay_on_white(image).resize((SIDE, SIDE), Image.Resampling.BOX)
            return np.asarray(ImageOps.exif_transpose(small))
    except Undecodable:
        raise
    except Image.DecompressionBombError as error:
        raise Undecodable(f"The image is too large: {error}") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        # Pillow reports damage with any of these; its texts name the path of our temporary file
        raise Undecodable(f"The content could not be read as a {media_format} image") from error


def _lay_on_white(image: Any) -> Any:
    if not image.has_transparency_data:
        return image.convert("RGB")
    from PIL import Image

    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def describe_picture(pixels: Pixels) -> Vector:
    """Return the features of (64, 64, 3) RGB pixels."""
    colour = pixels.astype(np.float64) / 255
    light = colour @ (0.299, 0.587, 0.114)  # ITU-R BT.601
    blue, red = colour[..., 2] - light, colour[..., 0] - light
    cells, edges = _measure_edges(light)
    return join_blocks(
        (1.2, centre(_count_hues(colour))),
        (0.8, (light.mean() - 0.5, 2 * blue.mean(), 2 * red.mean())),
        (0.8, _lay_out(light, blue, red)),
        (0.7, take_low_frequencies(light, (12, 12))),
        (0.8, centre(cells)),
        (0.4, centre(edges)),
        (0.5, centre(_count_textures(light))),
    )


def _count_hues(colour: Vector) -> Vector:
    """Histogram of 12 hues and grey by 4 values; square roots, so that small areas count as well."""
    red, green, blue = np.moveaxis(colour, 2, 0)
    high = colour.max(2)
    chroma = high - colour.min(2)
    span = np.where(chroma == 0, 1, chroma)
    sector = np.where(
        high == red,
        ((green - blue) / span) % 6,
        np.where(high == green, (blue - red) / span + 2, (red - green) / span + 4),
    )
    saturation = chroma / np.where(high == 0, 1, high)
    grey = saturation < 0.15
    hue = np.where(grey, 12, np.minimum((sector * 2).astype(int), 11))
    value = np.minimum((high * 4).astype(int), 3)
    counts = np.bincount((hue * 4 + value).ravel(), np.where(grey, 1, saturation).ravel(), 13 * 4)
    return np.sqrt(counts / counts.sum())


def _lay_out(*planes: Vector) -> Vector:
    """Where in the picture which colour is: 4 x 4 means of each plane, about the plane's mean."""
    grid = np.stack([plane.reshape(4, SIDE // 4, 4, SIDE // 4).mean((1, 3)) for plane in planes])
    return grid - grid.mean((1, 2), keepdims=True)


def _measure_edges(light: Vector) -> tuple[Vector, Vector]:
    """Histograms of the directions of edges: per cell of 8 x 8 pixels, and over the whole picture."""
    down, across = np.gradient(light)
    strength = np.hypot(across, down)
    direction = np.minimum((np.arctan2(down, across) % np.pi / np.pi * 8).astype(int), 7)
    row, column = np.mgrid[:SIDE, :SIDE] // _CELL
    place = (row * (SIDE // _CELL) + column) * 8 + direction
    counts = np.bincount(place.ravel(), strength.ravel(), (SIDE // _CELL) ** 2 * 8)
    cells = counts.astype(np.float64)
    return np.sqrt(cells / (cells.sum() + 1e-9)), cells.reshape(-1, 8).sum(0)


def _count_textures(light: Vector) -> Vector:
    """Histogram of local binary patterns (Ojala et al., 2002): which of its neighbours outshine a pixel."""
    inner = light[1:-1, 1:-1] + 0.01
    code = np.zeros(inner.shape, np.int64)
    for bit, (down, across) in enumerate(_NEIGHBOURS):
        code |= (light[1 + down : SIDE - 1 + down, 1 + across : SIDE - 1 + across] > inner).astype(
            np.int64
        ) << bit
    return np.sqrt(np.bincount(code.ravel(), minlength=256) / code.size)
