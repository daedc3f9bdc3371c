"""Sounds and videos: where they are cut, and which of them are alike."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from local.cut_media import EMBEDDER, FILM, hear, spans, vector, watch
from local.media_files import PICTURES, SOUNDS, clip, encoded_sound, picture, play, sound

from nova_mme_local.embedder.clips import cut_sound
from nova_mme_local.embedder.picture import load_picture

RATES = (16_000, 24_000, 48_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file name to write a test's media to."""
    return tmp_path / "media"


@pytest.mark.parametrize("dimension", [256, 3072])
def test_the_nearest_sound_is_of_the_same_class(path: Path, dimension: int) -> None:
    """Each sound's nearest neighbour is a variant of it, whatever its length and its sampling rate."""
    kinds = [kind for kind in SOUNDS for _ in range(3)]
    matrix = np.stack(
        [
            vector(hear(path, sound(kind, n, seconds=1 + n / 2, rate=RATES[n]), seconds=30)[0], dimension)
            for kind in SOUNDS
            for n in range(3)
        ]
    )
    likeness = matrix @ matrix.T
    np.fill_diagonal(likeness, -1)
    assert [kinds[nearest] for nearest in likeness.argmax(1)] == kinds


@pytest.mark.parametrize(
    ("media_format", "codec"), [("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("ogg", "libopus")]
)
def test_sounds_are_cut_every_so_many_seconds(path: Path, media_format: str, codec: str) -> None:
    """2.5 seconds in steps of one make three segments; the last ends where the sound ends."""
    content = encoded_sound(play("tone", seconds=2.5, rate=48_000), media_format, codec)
    segments = hear(path, content, media_format)
    assert spans(segments) == [(0, 1), (1, 2), (2, 2.5)]
    assert {one.kind for one in segments} == {"AUDIO"}
    assert float(vector(segments[0]) @ vector(segments[1])) > 0.9


def test_an_encoders_padding_makes_no_segment(path: Path) -> None:
    """Four hundredths of a second too much are part of the last segment."""
    assert spans(hear(path, sound("tone", seconds=2.04))) == [(0, 1), (1, 2.0)]


def test_silence_has_a_direction(path: Path) -> None:
    """Digital silence gives a unit vector."""
    samples = np.zeros(16_000, np.float32)
    (segment,) = hear(path, encoded_sound(samples, "wav", "pcm_s16le", rate=16_000))
    assert np.linalg.norm(vector(segment)) == pytest.approx(1)


def test_a_long_sound_is_never_held_whole(path: Path) -> None:
    """Two minutes take no more memory than a few segments: 7.7 MB of samples, under 4 MB held."""
    path.write_bytes(encoded_sound(np.zeros(120 * 16_000, np.float32), "wav", "pcm_s16le", rate=16_000))
    segments = cut_sound(path, "wav", seconds=3, bounds=FILM, embedder=EMBEDDER)
    next(segments)  # imports and matrices are not the sound's
    tracemalloc.start()
    try:
        count = 1 + sum(1 for _ in segments)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 40
    assert peak < 4e6


def test_a_video_is_cut_with_its_sound(path: Path) -> None:
    """Combined, every segment is one vector; the same scene with another sound is near, another scene is not."""
    segments = watch(path, clip(["disc", "stripes", "disc"], sounds=["tone", "noise", "clicks"]))
    assert spans(segments) == [(0, 2), (2, 4), (4, 6)]
    assert {one.kind for one in segments} == {"AUDIO_VIDEO_COMBINED"}
    first, second, third = map(vector, segments)
    assert float(first @ third) > 0.5 > float(first @ second)


def test_separate_halves_are_those_of_pictures_and_sounds(path: Path) -> None:
    """Separate, a picture finds the VIDEO half of its scene, and a sound the AUDIO half that sounds like it."""
    segments = watch(path, clip(["disc", "sky"], sounds=["tone", "noise"]), separate=True)
    assert [(one.kind, one.metadata["segmentIndex"]) for one in segments] == [
        ("VIDEO", 0),
        ("AUDIO", 0),
        ("VIDEO", 1),
        ("AUDIO", 1),
    ]
    assert spans(segments) == [(0, 2), (0, 2), (2, 4), (2, 4)]
    vectors = list(map(vector, segments))
    noise = vector(hear(path, sound("noise", 5), seconds=30)[0])
    path.write_bytes(picture("sky"))
    sky = EMBEDDER.embed_picture(load_picture(path, "png"))
    assert int(np.argmax([sky @ one for one in vectors])) == 2
    assert int(np.argmax([noise @ one for one in vectors])) == 3


@pytest.mark.parametrize("separate", [True, False])
def test_a_silent_video_is_video_only(path: Path, separate: bool) -> None:
    """Without an audio stream, there is one vector a segment, the same in both modes."""
    segments = watch(path, clip(["disc", "sky"]), separate=separate)
    assert [one.kind for one in segments] == ["VIDEO" if separate else "AUDIO_VIDEO_COMBINED"] * 2
    other = watch(path, clip(["disc", "sky"]), separate=not separate)
    assert float(vector(segments[0]) @ vector(other[0])) == pytest.approx(1)


@pytest.mark.parametrize(
    ("media_format", "container", "codec"),
    [
        ("mov", "mov", "mpeg4"),
        ("mkv", "matroska", "mpeg4"),
        ("webm", "webm", "libvpx"),
        ("flv", "flv", "flv"),
        ("mpg", "mpeg", "mpeg2video"),
        ("wmv", "asf", "wmv2"),
        ("3gp", "3gp", "mpeg4"),
    ],
)
def test_formats_of_video(path: Path, media_format: str, container: str, codec: str) -> None:
    """Every format of the schema is read, and cut at the same places."""
    content = clip(["disc", "sky"], seconds_each=1.5, media_format=container, codec=codec, fps=25)
    assert spans(watch(path, content, media_format)) == [(0, 2), (2, 3)]


def test_a_still_lasts_as_long_as_the_sound(path: Path) -> None:
    """One picture with 3 seconds of sound is as many segments as the sound, the picture standing still."""
    segments = watch(path, clip(["disc"], seconds_each=0.1, sounds=["tone"] * 30), seconds=1, separate=True)
    video = [vector(one) for one in segments if one.kind == "VIDEO"]
    assert spans(segments)[-1] == (2, 3.0)
    assert len(video) == 3
    assert float(video[0] @ video[2]) == pytest.approx(1)


def test_a_picture_stands_until_the_next_one(path: Path) -> None:
    """Between two pictures five seconds apart, every segment shows the first; the last one lasts as it says."""
    content = clip(["disc", "stripes"], seconds_each=1, fps=1, times=[0, 5], media_format="matroska")
    vectors = list(map(vector, watch(path, content, "mkv", seconds=1)))
    assert len(vectors) == 6
    for one in vectors[1:5]:
        assert float(one @ vectors[0]) == pytest.approx(1)
    assert float(vectors[5] @ vectors[0]) < 0.5
    lasting = watch(path, clip(["sky"], seconds_each=3, fps=Fraction(1, 3)), seconds=1)
    assert spans(lasting) == [(0, 1), (1, 2), (2, 3)]


def test_sound_that_begins_late_is_led_in_by_silence(path: Path) -> None:
    """A tone from second 1 on belongs to the second segment, not to the first."""
    content = clip(["disc"], sounds=["tone"], seconds_each=2, sound_from=1, media_format="matroska")
    segments = watch(path, content, "mkv", seconds=1, separate=True)
    tone = vector(hear(path, sound("tone"), seconds=30)[0])
    heard = [float(tone @ vector(one)) for one in segments if one.kind == "AUDIO"]
    assert len(heard) == 3
    assert min(heard[1:]) > 0.6 > heard[0]


def test_a_clip_of_one_picture_is_near_the_picture(path: Path) -> None:
    """Pictures and clips share a space: the nearest picture of a scene is the one it shows."""
    (segment,) = watch(path, clip(["sky"]))
    likeness = {}
    for kind in PICTURES:
        path.write_bytes(picture(kind))
        likeness[kind] = float(EMBEDDER.embed_picture(load_picture(path, "png")) @ vector(segment))
    assert max(likeness, key=likeness.__getitem__) == "sky"
    assert likeness["sky"] > 0.6
