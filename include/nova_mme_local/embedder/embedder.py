"""Vectors of texts, pictures, sounds and clips in one space: the public face of the stand-in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nova_mme_local.embedder.picture import Pixels, describe_picture
from nova_mme_local.embedder.projection import Projection, Vector, normalise
from nova_mme_local.embedder.sound import Samples, describe_sound
from nova_mme_local.embedder.words import split_name, weigh_words

# Large enough for a word of the name to be found, small enough that looks and sound decide between pictures.
_NAME_WEIGHT = 0.35
_MOTION_WEIGHT = 0.5
_SOUND_WEIGHT = 0.6


class Embedder:
    """Makes 3072-d unit vectors (float64) in the space that `seed` stands for.

    With `name` (the key of the object), the words of the file name are mixed into vectors of pictures, sounds
    and clips, with a small weight: a text query can then find `red-car.jpg` by "car". That matches names, not
    pictures: the same picture as `IMG_0012.jpg` is not found.
    """

    def __init__(self, seed: str, *, name: str = "") -> None:
        self._projection = Projection(seed)
        words = split_name(name)
        self._name = self.embed_text(words) if words else None

    def embed_text(self, text: str) -> Vector:
        """Return the vector of a text."""
        return self._projection.spread_names(weigh_words(text))

    def embed_picture(self, pixels: Pixels) -> Vector:
        """Return the vector of (64, 64, 3) RGB pixels."""
        return self._mix_name(self._projection.spread("picture", describe_picture(pixels)))

    def embed_sound(self, samples: Samples) -> Vector:
        """Return the vector of mono samples at 16 kHz."""
        return self._mix_name(self._hear(samples))

    def embed_clip(self, pictures: Sequence[Vector], samples: Samples | None = None) -> Vector:
        """Return the vector of a video segment: the mean of its pictures, their change, and its sound if any.

        :param pictures: features of each picture, as `describe_picture` returns them; at least one.
        """
        features = np.stack(pictures)
        vector = self._projection.spread("picture", features.mean(0))
        vector = normalise(vector + _MOTION_WEIGHT * self._projection.spread("motion", features.std(0)))
        if samples is not None:
            vector = normalise(vector + _SOUND_WEIGHT * self._hear(samples))
        return self._mix_name(vector)

    def _hear(self, samples: Samples) -> Vector:
        return self._projection.spread("sound", describe_sound(samples))

    def _mix_name(self, vector: Vector) -> Vector:
        return vector if self._name is None else normalise(vector + _NAME_WEIGHT * self._name)
