"""Makes the bad inputs in tests/media/bad: `python tests/media/specimens.py`. The same bytes each time."""

from __future__ import annotations

import io
import random
import wave
import zipfile
from pathlib import Path
from typing import Any

import av
import numpy as np

BAD = Path(__file__).parent / "bad"
SAMPLES = Path(__file__).parents[2] / "include" / "nova_mme_local" / "samples" / "media"


def zip_one_file() -> bytes:
    """Return an archive with one text in it, dated 1980 as zipfile's default is."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(zipfile.ZipInfo("inside.txt"), "A text inside an archive.\n")
    return data.getvalue()


def cut_clip() -> bytes:
    """Return the first third of a clip whose index (the moov box) is at its end, as a broken upload leaves it."""
    whole = (SAMPLES / "video" / "coffee-break.mp4").read_bytes()
    return whole[: len(whole) // 3]


def write_no_samples() -> bytes:
    """Return a WAV whose header claims 0 samples, and tells the truth."""
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
    return data.getvalue()


def encode_sound_alone() -> bytes:
    """Return half a second of silence in an MP4, as a phone keeps a voice memo."""
    data = io.BytesIO()
    with av.open(data, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream: Any = container.add_stream("aac", rate=16_000, layout="mono", options={"flags": "+bitexact"})
        for number in range(8):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16_000, 1024 * number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return data.getvalue()


def main() -> None:
    BAD.mkdir(exist_ok=True)
    (BAD / "empty.txt").write_bytes(b"")
    (BAD / "picture-that-is-text.jpg").write_bytes(b"This is a text, whatever the name of the file says.\n")
    (BAD / "archive.zip").write_bytes(zip_one_file())
    (BAD / "truncated.mp4").write_bytes(cut_clip())
    (BAD / "no-samples.wav").write_bytes(write_no_samples())
    (BAD / "sound-alone.mp4").write_bytes(encode_sound_alone())
    (BAD / "noise.wav").write_bytes(random.Random(20).randbytes(20_000))


if __name__ == "__main__":
    main()
