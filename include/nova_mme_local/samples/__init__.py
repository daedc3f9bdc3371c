"""The sample media of the demo: texts, pictures, sounds, clips and documents on a few topics, small and free to use.

ORIGINS.md says of each file what it is, where it comes from and under which licence.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent / "media"
"""Holds one folder for each modality: text, image, audio, video and document."""


def media() -> list[Path]:
    """Return all sample files, sorted by path: `ROOT / <modality> / <name>`."""
    return sorted(path for path in ROOT.glob("*/*") if path.is_file() and not path.name.startswith("."))
