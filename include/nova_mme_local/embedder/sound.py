"""What a sound is made of, for the stand-in: 370-odd statistics of its mel spectrum, its pitch classes and its rhythm."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from nova_mme_local.embedder.frequencies import take_low_frequencies
from nova_mme_local.embedder.projection import Vector, centre, join_blocks

RATE = 16_000  # samples a second, mono
_WINDOW = 1024
_HOP = 512
_BANDS = 64
_LAGS = 64

Samples = NDArray[np.float32]


def describe_sound(samples: Samples) -> Vector:
    """Return the features of mono samples at 16 kHz, any number of them (under 64 ms is padded with silence)."""
    power = _measure_power(samples)
    mel = np.log10(_sum_bands(power) + 1e-6)
    profile, spread = mel.mean(0), mel.std(0)
    return join_blocks(
        (1.0, centre(profile)),
        (0.5, centre(spread)),
        (0.6, take_low_frequencies(_stretch(mel, 32), (10, 16))),
        (0.6, centre(_count_pitches(power))),
        (0.4, _find_rhythm(mel)),
        (0.6, _summarise(samples, power)),
    )


def _measure_power(samples: Samples) -> Vector:
    """Power spectra of overlapping Hann windows, shape (windows, 513)."""
    padded = np.pad(samples, (0, max(0, _WINDOW - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    spectra = np.fft.rfft(frames * np.hanning(_WINDOW).astype(np.float32))
    return (spectra.real**2 + spectra.imag**2).astype(np.float64)


def _stretch(mel: Vector, rows: int) -> Vector:
    """Resample a spectrogram to `rows` moments, linearly, so that clips of any length compare."""
    place = np.linspace(0, len(mel) - 1, rows)
    below = place.astype(int)
    above = np.minimum(below + 1, len(mel) - 1)
    part = (place - below)[:, np.newaxis]
    stretched: Vector = mel[below] * (1 - part) + mel[above] * part
    return stretched


def _count_pitches(power: Vector) -> Vector:
    """Strength of the 12 pitch classes between 60 Hz and 4 kHz (A = 440 Hz)."""
    frequency = _list_frequencies()
    heard = (frequency > 60) & (frequency < 4000)
    pitch = np.round(12 * np.log2(frequency[heard] / 440)).astype(int) % 12
    return np.bincount(pitch, np.sqrt(power[:, heard]).mean(0), 12).astype(np.float64)


def _find_rhythm(mel: Vector) -> Vector:
    """Autocorrelation of the onsets, over lags of up to 2 s."""
    onsets = centre(np.maximum(0, np.diff(mel, axis=0)).mean(1)) if len(mel) > 1 else np.zeros(1)
    lags = min(_LAGS, len(onsets))
    correlation = np.array([onsets[: len(onsets) - lag] @ onsets[lag:] for lag in range(lags)])
    return np.pad(correlation / (correlation[0] + 1e-9), (0, _LAGS - lags))


def _summarise(samples: Samples, power: Vector) -> Vector:
    """Six numbers about 0: brightness and its change, noisiness, loudness and its change, zero crossings."""
    frequency = _list_frequencies()
    brightness = (power * frequency).sum(1) / (power.sum(1) + 1e-9)
    loudness = np.sqrt(power.mean(1) / _WINDOW)
    flatness = np.exp(np.log(power + 1e-9).mean(1)).mean() / (power.mean() + 1e-9)
    crossings = np.count_nonzero(np.diff(np.signbit(samples))) / max(1, len(samples))
    return np.array(
        [
            brightness.mean() / 4000 - 0.5,
            brightness.std() / 2000,
            flatness,
            loudness.mean() * 4 - 0.5,
            loudness.std() * 4,
            crossings * 4 - 0.5,
        ]
    )


def _list_frequencies() -> Vector:
    return np.fft.rfftfreq(_WINDOW, 1 / RATE)


def _sum_bands(power: Vector) -> Vector:
    """Energy in 64 triangular bands from 40 to 7600 Hz that overlap by half, equally wide in mels.

    The bins between two band centres belong to both bands, in shares that add up to 1. (A matrix of filters
    would be shorter, but BLAS shares such products out to threads that wait for one another.)
    """
    first, starts, rising = _share_bands()
    heard = power[:, first : first + len(rising)]
    up = np.add.reduceat(heard * rising, starts, axis=1)
    down = np.add.reduceat(heard * (1 - rising), starts, axis=1)
    return up[:, :-1] + down[:, 1:]


@functools.cache
def _share_bands() -> tuple[int, NDArray[np.intp], Vector]:
    """Return the first bin, where each stretch between two centres starts, and each bin's share in the upper band."""
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (40, 7600))  # O'Shaughnessy's mel
    edges = 700 * (10 ** (np.linspace(low, high, _BANDS + 2) / 2595) - 1)
    frequency = _list_frequencies()
    first, end = np.searchsorted(frequency, (edges[0], edges[-1]))
    heard = frequency[first:end]
    stretch = np.searchsorted(edges, heard, side="right") - 1
    share = (heard - edges[stretch]) / (edges[stretch + 1] - edges[stretch])
    return int(first), np.searchsorted(heard, edges[:-1]), share
