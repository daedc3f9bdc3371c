"""The sample pictures: photographs that come with scikit-image, cropped and scaled.

Only photographs whose docstring in `skimage.data` states CC0 or the public domain are used; ORIGINS.md
quotes what it says about each.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    ".jpg": {"quality": 88, "optimize": True},
    ".png": {"optimize": True},
    ".webp": {"quality": 85, "method": 6},
}


class MissingTool(RuntimeError):
    """Something that builds the samples is not installed; the message says what and how to get it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A file to make from the photograph `skimage.data.<photograph>()`.

    `box` is the part to keep as left, top, right, bottom in fractions of its size, and `longest` the
    greatest side in pixels; a smaller part is not enlarged.
    """

    name: str
    photograph: str
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    longest: int = 640
    mirrored: bool = False


PICTURES = (
    Picture("hubble-deep-field.jpg", "hubble_deep_field", longest=720),
    Picture("distant-galaxies.webp", "hubble_deep_field", box=(0.45, 0.3, 0.95, 0.78)),
    Picture("rocket-on-the-pad.jpg", "rocket"),
    Picture("astronaut.jpg", "astronaut"),
    Picture("coffee-cup.jpg", "coffee"),
    Picture("coffee-cup-closeup.webp", "coffee", box=(0.16, 0.0, 0.94, 0.86)),
    Picture("tabby-cat.png", "chelsea"),
    Picture("brick-wall.png", "brick", longest=400),
    Picture("gravel.webp", "gravel"),
    Picture("grass.jpg", "grass", longest=400),
)
QUERY_PICTURES = (
    Picture("patch-of-sky.jpg", "hubble_deep_field", box=(0.05, 0.25, 0.6, 0.85), longest=400, mirrored=True),
    Picture("rocket-at-dusk.jpg", "rocket", box=(0.18, 0.12, 0.82, 0.98), longest=400),
)
ROCKING_ANGLES = (-8, -4, 0, 4, 8, 4, 0, -4)


@functools.cache
def load_photograph(name: str) -> Image.Image:
    """Return the whole photograph `skimage.data.<name>()`; MissingTool when scikit-image is not installed."""
    try:
        from skimage import data
    except ModuleNotFoundError as error:
        raise MissingTool(
            "The sample pictures come from scikit-image, which is not installed here. "
            "Install it with: python -m pip install scikit-image"
        ) from error
    return Image.fromarray(getattr(data, name)())


def cut_picture(picture: Picture) -> Image.Image:
    """Return the part of the photograph that `picture` asks for, no larger than `picture.longest`."""
    photograph = load_photograph(picture.photograph)
    width, height = photograph.size
    left, top, right, bottom = picture.box
    part = photograph.crop(
        (round(left * width), round(top * height), round(right * width), round(bottom * height))
    )
    part.thumbnail((picture.longest, picture.longest), Image.Resampling.LANCZOS)
    return ImageOps.mirror(part) if picture.mirrored else part


def write_picture(picture: Picture, folder: Path) -> None:
    path = folder / picture.name
    cut_picture(picture).save(path, **SAVE_OPTIONS[path.suffix])


def write_rocking_horse(path: Path) -> None:
    """Write an animated GIF of eight frames: the silhouette of a horse that rocks to and fro."""
    horse = load_photograph("horse").convert("L")
    horse.thumbnail((320, 320), Image.Resampling.LANCZOS)
    frames = [
        horse.rotate(angle, Image.Resampling.BICUBIC, fillcolor=255).quantize(16) for angle in ROCKING_ANGLES
    ]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=120, loop=0)
