"""The sample clips: a camera that glides over the sample photographs, some with sound.

Where a clip shows several scenes, each lasts five seconds, the usual length of a segment, so that a search
result that names a segment can be checked by eye.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nova_mme_local.samples import sounds, speech
from nova_mme_local.samples.pictures import load_photograph
from nova_mme_local.samples.sounds import RATE, Samples

SIZE = (320, 240)
FRAMES_PER_SECOND = 12


@dataclass(frozen=True, slots=True)
class Shot:
    """One glide over `skimage.data.<photograph>()`.

    `start` and `end` are views: the centre (x, y) and the width, in fractions of the photograph's size.
    """

    photograph: str
    seconds: float
    start: tuple[float, float, float]
    end: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Clip:
    name: str
    shots: tuple[Shot, ...]
    sound: str = "none"

    @property
    def seconds(self) -> float:
        return sum(shot.seconds for shot in self.shots)


CLIPS = (
    Clip(
        "flight-through-space.mp4",
        (
            Shot("hubble_deep_field", 5, (0.5, 0.5, 1.0), (0.4, 0.45, 0.7)),
            Shot("hubble_deep_field", 5, (0.65, 0.5, 0.6), (0.7, 0.55, 0.45)),
            Shot("rocket", 5, (0.5, 0.5, 0.85), (0.5, 0.52, 0.7)),
            Shot("astronaut", 5, (0.5, 0.5, 1.0), (0.45, 0.36, 0.8)),
        ),
    ),
    Clip(
        "coffee-break.mp4",
        (Shot("coffee", 13, (0.5, 0.5, 0.85), (0.52, 0.45, 0.65)),),
        sound="coffee talk",
    ),
    Clip(
        "gravel-path-in-the-rain.webm",
        (
            Shot("gravel", 5, (0.5, 0.4, 0.9), (0.5, 0.6, 0.9)),
            Shot("grass", 5, (0.45, 0.5, 0.9), (0.55, 0.5, 0.9)),
            Shot("brick", 5, (0.5, 0.45, 0.9), (0.5, 0.55, 0.8)),
        ),
        sound="rain",
    ),
    Clip(
        "curious-cat.mov",
        (Shot("chelsea", 8, (0.5, 0.5, 0.85), (0.5, 0.42, 0.6)),),
        sound="arpeggio",
    ),
)


def film(clip: Clip) -> Iterator[Image.Image]:
    """Yield the frames of all shots, RGB at SIZE, FRAMES_PER_SECOND of them for each second."""
    for shot in clip.shots:
        photograph = load_photograph(shot.photograph).convert("RGB")
        count = round(shot.seconds * FRAMES_PER_SECOND)
        for progress in np.linspace(0.0, 1.0, count):
            view = np.array(shot.start) * (1 - progress) + np.array(shot.end) * progress
            yield look(photograph, view=tuple(view))


def look(photograph: Image.Image, *, view: tuple[float, float, float]) -> Image.Image:
    """Return what a camera at `view` sees: a 4:3 window, moved inwards where it would leave the picture."""
    width, height = photograph.size
    across = min(view[2] * width, height * SIZE[0] / SIZE[1])
    down = across * SIZE[1] / SIZE[0]
    left = min(max(view[0] * width - across / 2, 0.0), width - across)
    top = min(max(view[1] * height - down / 2, 0.0), height - down)
    return photograph.resize(SIZE, Image.Resampling.BICUBIC, box=(left, top, left + across, top + down))


def record_sound(clip: Clip) -> Samples | None:
    """Return the clip's sound track, or None for a silent clip.

    It ends a twentieth of a second before the pictures: encoders pad the last packet of sound, and a track
    that outlasts the pictures would give the clip one more segment, with nothing in it.
    """
    match clip.sound:
        case "none":
            return None
        case "coffee talk":
            track = speech.say(speech.COFFEE_TALK)
        case "rain":
            track = sounds.pour_rain(clip.seconds, seed=2)
        case "arpeggio":
            track = sounds.play_arpeggio(clip.seconds)
        case unknown:
            raise ValueError(
                f"Clip {clip.name} asks for the sound {unknown!r}, which nobody knows how to make."
            )
    wanted = round((clip.seconds - 0.05) * RATE)
    return np.pad(track, (0, max(0, wanted - len(track))))[:wanted]
