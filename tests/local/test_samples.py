"""The committed sample media: whole, small, described and licensed; and the code that makes them."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pypdfium2
import pytest
from PIL import Image, UnidentifiedImageError

from nova_mme.documents.docx_package import DocxPackage
from nova_mme.documents.docx_text import read_docx
from nova_mme_local import samples
from nova_mme_local.samples import build, clips, papers, pictures, recording, sounds, speech, writings
from nova_mme_local.samples.searches import QUERIES, SEARCHES, Search

HOME = samples.ROOT.parent
BAD = Path(__file__).parents[1] / "media" / "bad"
SUFFIXES = {
    "text": {".txt", ".md"},
    "image": {".jpg", ".png", ".webp", ".gif"},
    "audio": {".wav", ".mp3", ".ogg"},
    "video": {".mp4", ".webm", ".mov"},
    "document": {".pdf", ".docx"},
}


def read_origins() -> dict[str, dict[str, str]]:
    """The rows of the tables in ORIGINS.md by file, with the column titles as keys."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (HOME / "ORIGINS.md").read_text("utf-8").splitlines()
        if line.startswith("|") and not line.startswith("|---")
    ]
    titles = rows[0]
    return {row[0].strip("`"): dict(zip(titles, row, strict=True)) for row in rows if row != titles}


ORIGINS = read_origins()
NAMES = {path.name for path in samples.media()}


def measure(path: Path) -> str:
    """What ORIGINS.md should say in its column "measure", found by decoding the whole file."""
    if path.suffix in SUFFIXES["text"]:
        return f"{len(path.read_text('utf-8')):,} characters"
    if path.suffix in SUFFIXES["image"]:
        with Image.open(path) as picture:
            picture.load()
            return f"{picture.width} x {picture.height}"
    if path.suffix == ".pdf":
        with pypdfium2.PdfDocument(path) as document:
            return f"{len(document)} page{'s' * (len(document) > 1)}"
    if path.suffix == ".docx":
        with DocxPackage(path, path.as_uri()) as package:
            return f"{read_docx(package, lambda _: None):,} characters"
    with av.open(str(path)) as container:
        sound = sum(frame.samples / frame.sample_rate for frame in decode(path, "audio"))
        if not container.streams.video:
            return f"{sound:.1f} s"
        stream = container.streams.video[0]
        seconds = sum(1 for _ in decode(path, "video")) / float(stream.average_rate)
        assert sound == 0 or seconds - 0.1 < sound <= seconds, "sound and pictures end together"
        return f"{stream.width} x {stream.height}, {seconds:.1f} s, {'sound' if sound else 'silent'}"


def decode(path: Path, kind: str) -> Iterator[av.AudioFrame | av.VideoFrame]:
    with av.open(str(path)) as container:
        for stream in [stream for stream in container.streams if stream.type == kind]:
            yield from container.decode(stream)


@pytest.mark.parametrize("file", sorted(ORIGINS))
def test_file_is_as_described(file: str) -> None:
    """Every file opens, decodes to its end, and has the size and length that ORIGINS.md states."""
    assert measure(HOME / file) == ORIGINS[file]["measure"]


def test_origins_lists_every_file_and_no_other() -> None:
    """ORIGINS.md and the folders name the same files."""
    files = {*samples.media(), *QUERIES.iterdir()}

    assert {path.relative_to(HOME).as_posix() for path in files} == set(ORIGINS)


def test_every_file_is_free() -> None:
    """Each file is CC0 or in the public domain, with an origin and a group."""
    for row in ORIGINS.values():
        assert row["licence"] in {"CC0 1.0", "public domain"}
        assert row["origin"]
        assert row["group"]


def test_photographs_quote_their_licence() -> None:
    """The origin of a photograph says which one it is and quotes words that free it."""
    quoted = [row["origin"] for row in ORIGINS.values() if row["origin"].startswith("`skimage.data.")]

    assert len(quoted) == len(pictures.PICTURES) + len(pictures.QUERY_PICTURES) + 1
    assert all(re.search(r'"[^"]*(public domain|CC0)[^"]*"', origin) for origin in quoted)


def test_media_is_sorted_by_folder_and_under_six_megabytes() -> None:
    """media() returns every file once, in order, in the folder of its modality; all formats are there."""
    found = samples.media()
    suffixes = {folder: {p.suffix for p in found if p.parent.name == folder} for folder in SUFFIXES}

    assert found == sorted(set(found))
    assert suffixes == SUFFIXES
    assert 2_000_000 < sum(path.stat().st_size for path in found) < 6_000_000


def test_names_are_plain_words() -> None:
    """File names are lower-case words joined by hyphens: local search matches words with names."""
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*\.[a-z0-9]+", path.name) for path in samples.media())


def test_samples_exercise_segments() -> None:
    """A text is cut at 2,000 characters into four, and a silent clip at 5 s into four."""
    assert 6_000 < len((samples.ROOT / "text" / "hubble-space-telescope.txt").read_text("utf-8")) <= 8_000
    assert ORIGINS["media/video/flight-through-space.mp4"]["measure"].endswith("20.0 s, silent")


def test_gif_is_animated() -> None:
    """The GIF has eight frames."""
    with Image.open(samples.ROOT / "image" / "rocking-horse.gif") as horse:
        assert horse.n_frames == len(pictures.ROCKING_ANGLES) == 8


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.title)
def test_search_names_sample_files(search: Search) -> None:
    """What a search should find is among the samples, and of the modality it is limited to."""
    folders = {path.name: path.parent.name for path in samples.media()}

    assert search.finds
    assert set(search.finds) <= NAMES
    assert search.modality in {None, *(folders[name] for name in search.finds)}
    if search.page:
        (name,) = search.finds
        assert search.page <= int(ORIGINS[f"media/document/{name}"]["measure"].split()[0])


def test_query_files_are_used_and_not_among_the_media() -> None:
    """Each query file belongs to a search and differs from every sample file."""
    contents = {path.read_bytes() for path in samples.media()}

    assert {search.path for search in SEARCHES if search.path} == set(QUERIES.iterdir())
    assert not [path for path in QUERIES.iterdir() if path.read_bytes() in contents]


@pytest.mark.parametrize("query", [{}, {"query_text": "cat", "query_file": "cat.jpg"}])
def test_search_takes_exactly_one_query(query: dict[str, str]) -> None:
    """A search without a query, or with two, is refused."""
    with pytest.raises(ValueError, match=r"'Cats' needs either query_text or query_file"):
        Search("Cats", finds=("tabby-cat.png",), **query)


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".ogg"])
def test_sound_is_written_the_same_each_time(tmp_path: Path, suffix: str) -> None:
    """Two recordings of one sound are equal byte for byte, and as long as the sound."""
    paths = [tmp_path / f"{number}{suffix}" for number in (1, 2)]
    for path in paths:
        recording.write_sound(path, sounds.play_arpeggio(2))

    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert measure(paths[0]) == "2.0 s"


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mov"])
def test_clip_is_written_the_same_each_time(tmp_path: Path, suffix: str) -> None:
    """Two recordings of one clip are equal byte for byte, with its frames and its sound."""
    frames = [Image.new("RGB", (64, 48), (8 * number, 100, 50)) for number in range(24)]
    paths = [tmp_path / f"{number}{suffix}" for number in (1, 2)]
    for path in paths:
        recording.write_clip(path, frames, size=(64, 48), rate=12, sound=sounds.play_chords(2)[:-1500])

    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert measure(paths[0]) == "64 x 48, 2.0 s, sound"


def test_documents_are_written_the_same_each_time(tmp_path: Path) -> None:
    """Two builds are equal byte for byte, and the report is the one that is kept."""
    for folder in ("one", "two"):
        (tmp_path / folder / "document").mkdir(parents=True)
        build.build_documents(tmp_path / folder, tmp_path / folder)
    one, two = (
        [path.read_bytes() for path in sorted((tmp_path / name).rglob("*.*"))] for name in ("one", "two")
    )

    assert one == two
    assert len(one) == 4
    assert (
        papers.bind(papers.draw_report())
        == (samples.ROOT / "document" / "coffee-tasting-report.pdf").read_bytes()
    )


def test_report_says_what_was_written() -> None:
    """Every word of the prose is on its page, and the chart's page has bars of both colours."""
    with pypdfium2.PdfDocument(samples.ROOT / "document" / "coffee-tasting-report.pdf") as report:
        pages = [" ".join(page.get_textpage().get_text_bounded().split()) for page in report]
        colours = {colour for _, colour in report[1].render(scale=1).to_pil().getcolors(100_000)}

    assert " ".join(writings.TASTING_METHOD.split()) in pages[0]
    assert " ".join(writings.TASTING_RESULT.split()) in pages[2]
    assert {tuple(round(255 * part) for part in colour) for colour in (papers.NEWER, papers.OLDER)} <= colours


def test_scan_has_no_text() -> None:
    """Only a picture: what a search by words in the file would miss."""
    with pypdfium2.PdfDocument(samples.ROOT / "document" / "rain-book-scanned.pdf") as scan:
        assert scan[0].get_textpage().get_text_bounded() == ""


def test_rain_differs_by_seed_only() -> None:
    """The same seed pours the same rain; another seed pours other drops, equally loud."""
    one, again, other = (sounds.pour_rain(2, seed=seed) for seed in (1, 1, 2))

    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert np.std(other) == pytest.approx(np.std(one), rel=0.2)


def test_camera_stays_inside_the_photograph() -> None:
    """A view past the corner is moved inwards: no black border, and the size of a frame."""
    photograph = Image.new("RGB", (400, 300), "white")

    seen = clips.look(photograph, view=(1.0, 1.0, 0.5))

    assert seen.size == clips.SIZE
    assert seen.getextrema() == ((255, 255), (255, 255), (255, 255))


def test_build_names_scikit_image_when_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without scikit-image the command ends with 1 and a sentence on how to get it."""
    monkeypatch.setitem(sys.modules, "skimage", None)
    pictures.load_photograph.cache_clear()

    assert build.main([str(tmp_path)]) == 1
    assert "python -m pip install scikit-image" in capsys.readouterr().err


def test_speech_names_espeak_when_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without espeak-ng the error says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(pictures.MissingTool, match="apt-get install espeak-ng"):
        speech.say(speech.CAT_TALK)


@pytest.mark.parametrize("name", ["truncated.mp4", "noise.wav"])
def test_bad_recording_cannot_be_opened(name: str) -> None:
    """FFmpeg refuses the cut-off clip and the noise."""
    with pytest.raises(av.error.InvalidDataError):
        av.open(io.BytesIO((BAD / name).read_bytes()))


def test_bad_files_are_what_their_names_say() -> None:
    """The other specimens: nothing, a text called a picture, an archive; none of them large."""
    assert (BAD / "empty.txt").read_bytes() == b""
    assert (BAD / "archive.zip").read_bytes().startswith(b"PK\x03\x04")
    assert (BAD / "picture-that-is-text.jpg").read_bytes().isascii()
    with pytest.raises(UnidentifiedImageError):
        Image.open(BAD / "picture-that-is-text.jpg")
    assert max(path.stat().st_size for path in BAD.rglob("*.*")) < 100_000
