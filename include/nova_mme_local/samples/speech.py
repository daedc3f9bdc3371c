"""The sample sentences, spoken by espeak-ng in three voices."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nova_mme_local.samples.pictures import MissingTool
from nova_mme_local.samples.sounds import RATE, Samples, level


@dataclass(frozen=True, slots=True)
class Talk:
    """What is said, in which espeak-ng voice, at how many words a minute, and how high (0 to 99)."""

    words: str
    voice: str
    speed: int = 150
    pitch: int = 50


ROCKET_TALK = Talk(
    "Ten, nine, eight, seven. The engines of the rocket are lit while clamps hold it on the launch pad. "
    "Three, two, one. Lift-off. Two minutes later the first stage is empty and falls away, and the second "
    "stage carries the satellite on to its orbit, two hundred kilometres above the sea.",
    voice="en-us+m3",
    pitch=30,
)
COFFEE_TALK = Talk(
    "Weigh eighteen grams of coffee and grind it fine. Press the grounds into a firm and level cake. "
    "After half a minute there should be thirty-six grams of espresso in the cup, under a reddish-brown foam.",
    voice="en-gb+f3",
    speed=155,
    pitch=65,
)
CAT_TALK = Talk(
    "The cat lies on the window sill and purrs. Its pupils are narrow slits, because the sun is bright. "
    "When a bird lands in the garden, the purring stops, and the tip of its tail begins to twitch.",
    voice="en-gb-scotland+m7",
    speed=140,
)
ANOTHER_COFFEE_TALK = Talk(
    "If the espresso runs too fast and tastes sour, grind the beans a little finer and try again.",
    voice="en-gb+f3",
    speed=155,
    pitch=65,
)


def say(talk: Talk) -> Samples:
    """Return the spoken words, mono at RATE; MissingTool when espeak-ng is not installed.

    Raises subprocess.CalledProcessError when espeak-ng refuses the voice.
    """
    program = shutil.which("espeak-ng")
    if program is None:
        raise MissingTool(
            "The sample sentences are spoken by espeak-ng, which is not installed here. "
            "On Debian and Ubuntu: apt-get install espeak-ng; on macOS: brew install espeak-ng"
        )
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "spoken.wav"
        options = ["-v", talk.voice, "-s", str(talk.speed), "-p", str(talk.pitch), "-w", str(spoken)]
        subprocess.run([program, *options, talk.words], check=True)
        return read_wave(spoken)


def read_wave(path: Path) -> Samples:
    """Read a 16-bit mono WAV file at RATE, which is what espeak-ng writes, and even out its loudness."""
    with wave.open(str(path)) as file:
        form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        if form != (1, 2, RATE):
            raise ValueError(f"espeak-ng wrote {form} channels, bytes and hertz instead of (1, 2, {RATE})")
        data = file.readframes(file.getnframes())
    return level(np.frombuffer(data, dtype="<i2").astype(np.float64))
