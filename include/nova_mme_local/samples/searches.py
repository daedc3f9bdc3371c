"""The searches that the demo runs over the sample media, each with the files that a good answer begins with.

They hold for the stand-in embedder of local AWS, which compares words, colours, shapes and sounds, and file
names with words.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

QUERIES = Path(__file__).parent / "queries"


@dataclass(frozen=True, slots=True)
class Search:
    """A query, by words (`query_text`) or by a file of QUERIES (`query_file`), and what it should find.

    `finds` are names of sample files. The best result is one of them, at every dimension; at 1024 and 3072,
    counting each file once, all of them come before any other, in any order. `modality` limits the search to
    one modality. `page` is the page of a document that the best result is, counted from 1.
    Raises ValueError unless exactly one kind of query is given.
    """

    title: str
    finds: tuple[str, ...]
    query_text: str | None = None
    query_file: str | None = None
    modality: Literal["text", "image", "audio", "video", "document"] | None = None
    page: int | None = None

    def __post_init__(self) -> None:
        if (self.query_text is None) == (self.query_file is None):
            raise ValueError(f"The search {self.title!r} needs either query_text or query_file, not both.")

    @property
    def path(self) -> Path | None:
        """Where the query file is; None for a search by words."""
        return None if self.query_file is None else QUERIES / self.query_file


SEARCHES = (
    Search(
        "A question finds the text that answers it",
        query_text="Why do cats purr when they are hurt?",
        modality="text",
        finds=("why-cats-purr.md",),
    ),
    Search(
        "Words find texts by what they say, and pictures and clips by their names",
        query_text="coffee cup",
        finds=(
            "coffee-cup.jpg",
            "coffee-cup-closeup.webp",
            "brewing-coffee.md",
            "growing-coffee.txt",
            "coffee-break.mp4",
        ),
    ),
    Search(
        "A picture finds its like, in pictures and in a clip",
        query_file="patch-of-sky.jpg",
        finds=("hubble-deep-field.jpg", "distant-galaxies.webp", "flight-through-space.mp4"),
    ),
    Search(
        "A picture finds the moment in a clip: seconds 10 to 15",
        query_file="rocket-at-dusk.jpg",
        modality="video",
        finds=("flight-through-space.mp4",),
    ),
    Search(
        "The sound of rain finds rain, on its own and under a clip",
        query_file="another-shower.mp3",
        finds=("rain-on-a-roof.mp3", "gravel-path-in-the-rain.webm"),
    ),
    Search(
        "A voice finds the same voice saying something else",
        query_file="the-same-voice.mp3",
        modality="audio",
        finds=("espresso-talk.ogg",),
    ),
    Search(
        "The picture of a page finds that page of a report",
        query_file="photographed-chart.jpg",
        modality="document",
        finds=("coffee-tasting-report.pdf",),
        page=2,
    ),
    Search(
        "A question finds the letter with the table that answers it",
        query_text="How much wet food does the cat get in the evening?",
        modality="document",
        finds=("looking-after-the-cats.docx",),
    ),
)
