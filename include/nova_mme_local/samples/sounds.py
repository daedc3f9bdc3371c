"""The sample sounds that nobody spoke: chords, an arpeggio, a drum beat and rain, all computed.

Every function returns mono float32 samples at RATE, between -1 and 1, and the same ones each time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE = 22_050
# A minor, F, C, G: semitones from A3 (220 Hz) of the notes that sound together.
CHORDS = ((-12, 0, 3, 7), (-16, 0, 3, 8), (-9, -2, 3, 7), (-14, -2, 2, 5))


def clock(seconds: float) -> NDArray[np.float64]:
    """Return the time of each sample, in seconds."""
    return np.arange(round(seconds * RATE)) / RATE


def level(sound: NDArray[np.float64], *, peak: float = 0.7) -> Samples:
    """Scale so that the loudest sample is `peak`."""
    return (sound * (peak / np.abs(sound).max())).astype(np.float32)


def pluck(semitones: int, seconds: float, *, decay: float) -> NDArray[np.float64]:
    """One note with five overtones that dies away in about `decay` seconds; the higher, the sooner."""
    time = clock(seconds)
    pitch = 220.0 * 2 ** (semitones / 12)
    partials = [
        np.sin(2 * np.pi * pitch * n * time) * np.exp(-time * n**0.5 / decay) / n**1.5 for n in range(1, 7)
    ]
    attack = np.minimum(1.0, time / 0.01)
    return attack * np.sum(partials, axis=0)


def place(parts: list[tuple[float, NDArray[np.float64]]], seconds: float) -> NDArray[np.float64]:
    """Mix parts that start at the given seconds into one sound; what sticks out at the end is cut off."""
    track = np.zeros(round(seconds * RATE))
    for start, part in parts:
        first = round(start * RATE)
        room = track[first : first + len(part)]
        room += part[: len(room)]
    return track


def play_chords(seconds: float) -> Samples:
    """Slow chords, a new one every two seconds."""
    parts = [
        (2.0 * turn, pluck(note, 4.0, decay=1.6))
        for turn in range(round(seconds / 2))
        for note in CHORDS[turn % len(CHORDS)]
    ]
    return level(place(parts, seconds))


def play_arpeggio(seconds: float) -> Samples:
    """The same chords one note after the other, an octave higher, five notes a second."""
    climb = (0, 3, 7, 12, 15, 12, 7, 3)
    parts = [
        (0.2 * turn, pluck(12 + climb[turn % 8] - (turn // 16) % 3 * 2, 0.8, decay=0.25))
        for turn in range(round(seconds / 0.2))
    ]
    return level(place(parts, seconds))


def beat_drums(seconds: float) -> Samples:
    """Bass drum, snare and hi-hat at 120 beats a minute."""
    random = np.random.default_rng(7)
    time = clock(0.3)
    bass = np.sin(2 * np.pi * (50 * time + 6 * (1 - np.exp(-30 * time)))) * np.exp(-time / 0.08)
    noise = random.standard_normal(len(time))
    snare = 0.5 * noise * np.exp(-time / 0.06) + 0.4 * np.sin(2 * np.pi * 190 * time) * np.exp(-time / 0.05)
    hat = 0.15 * np.diff(noise, prepend=0.0) * np.exp(-time / 0.02)
    beats = round(seconds * 2)
    parts = [(beat / 2, bass if beat % 2 == 0 else snare) for beat in range(beats)]
    parts += [(half / 4, hat) for half in range(2 * beats)]
    return level(place(parts, seconds))


def pour_rain(seconds: float, *, seed: int, drops_per_second: float = 60.0) -> Samples:
    """A steady hiss with single drops on top; another `seed` is another shower of the same kind."""
    random = np.random.default_rng(seed)
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(random.standard_normal(count))
    pitch = np.fft.rfftfreq(count, 1 / RATE)
    shape = (np.maximum(pitch, 200.0) / 200.0) ** -0.35 * (pitch > 150.0)
    hiss = np.fft.irfft(spectrum * shape, count)
    drops = [
        (start, drip(pitch=random.uniform(1500, 5000), loudness=random.uniform(0.5, 3.0)))
        for start in random.uniform(0, seconds, round(seconds * drops_per_second))
    ]
    return level(hiss / np.abs(hiss).max() + 0.15 * place(drops, seconds))


def drip(*, pitch: float, loudness: float) -> NDArray[np.float64]:
    """One drop that hits a hard surface."""
    time = clock(0.03)
    return loudness * np.sin(2 * np.pi * pitch * time) * np.exp(-time / 0.004)
