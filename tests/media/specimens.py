"""Makes the bad inputs in tests/media/bad: `python tests/media/specimens.py`. The same bytes each time."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

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


def main() -> None:
    BAD.mkdir(exist_ok=True)
    (BAD / "empty.txt").write_bytes(b"")
    (BAD / "picture-that-is-text.jpg").write_bytes(b"This is a text, whatever the name of the file says.\n")
    (BAD / "archive.zip").write_bytes(zip_one_file())
    (BAD / "truncated.mp4").write_bytes(cut_clip())
    (BAD / "noise.wav").write_bytes(random.Random(20).randbytes(20_000))


if __name__ == "__main__":
    main()
