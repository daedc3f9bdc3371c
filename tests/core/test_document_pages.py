"""A PDF's pages as images: in order, bounded in pixels, and painted by a process that may die."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from media.documents import BAD, Page, join_pdf, make_pdf, nest_forms
from PIL import Image

from nova_mme.documents import pdf_pages
from nova_mme.documents.pdf_pages import BadPage, PdfPages
from nova_mme.errors import BadSource, NovaMMEError, Reason, Unfinished

_URI = "s3://media/report.pdf"
_MEMORY = 200 << 20  # bytes: enough for an ordinary page, not for what the nested forms ask for


def _open(folder: Path, content: bytes, **limits: float) -> PdfPages:
    path = folder / "document"
    path.write_bytes(content)
    return PdfPages(path, _URI, **limits)


def _refuse(folder: Path, content: bytes) -> BadSource:
    with pytest.raises(BadSource) as caught:
        _open(folder, content)
    assert caught.value.uri == _URI
    return caught.value


def _size(folder: Path, size: tuple[float, float]) -> tuple[int, int]:
    with _open(folder, make_pdf([Page(size=size)])) as pages, Image.open(pages.paint(0)) as image:
        image.load()
        assert (image.format, image.mode) == ("PNG", "RGB")
        return image.size


def _ink(path: Path) -> tuple[int, int, int, int] | None:
    """Where the page is not white."""
    with Image.open(path) as image:
        return image.convert("L").point(lambda value: 255 - value).getbbox()


def test_pages_are_painted_as_asked_for(tmp_path: Path) -> None:
    """Any page, in any order, again as the first time; a longer word takes more of its page."""
    with _open(tmp_path, make_pdf([Page(word) for word in ("I", "Wide", "The widest")])) as pages:
        assert pages.count == 3
        painted = [pages.paint(number).read_bytes() for number in (2, 0, 1, 2)]
        widths = []
        for number in range(3):
            box = _ink(pages.paint(number))
            assert box
            widths.append(box[2] - box[0])

    assert painted[0] == painted[3]
    assert len(set(painted)) == 3
    assert widths == sorted(widths)


@pytest.mark.parametrize(
    ("points", "pixels"),
    [
        ((595, 842), (1448, 2048)),
        ((842, 595), (2048, 1448)),
        ((144, 72), (600, 300)),
        ((2384, 3370), (1449, 2048)),
        ((14_400, 14_400), (2048, 2048)),
        ((491.52, 491.52), (2048, 2048)),
    ],
    ids=["A4", "across", "small: 300 dots to the inch", "A0", "the largest", "both bounds"],
)
def test_pixels_are_bounded(tmp_path: Path, points: tuple[float, float], pixels: tuple[int, int]) -> None:
    """The longer edge has at most 2,048 pixels, an inch at most 300."""
    assert _size(tmp_path, points) == pixels


@pytest.mark.parametrize(
    ("size", "words"),
    [((14_401, 14_401), "no PDF viewer"), ((14_400, 100), "too narrow"), ((3, 3), "too narrow")],
    ids=["huge", "narrow", "tiny"],
)
def test_a_page_of_an_absurd_size_is_its_own_failure(
    tmp_path: Path, size: tuple[float, float], words: str
) -> None:
    """The sentence says how large it is; the next page is painted."""
    with _open(tmp_path, make_pdf([Page(size=size), Page("Next")])) as pages:
        with pytest.raises(BadPage, match=f"Page 1: it measures {size[0]} x {size[1]} points.* {words}"):
            pages.paint(0)
        assert _ink(pages.paint(1))


def test_colours_are_kept(tmp_path: Path) -> None:
    """Red is red."""
    with _open(tmp_path, make_pdf([Page(content=b"1 0 0 rg 0 0 999 999 re f")])) as pages:
        assert Image.open(pages.paint(0)).getpixel((700, 1000)) == (255, 0, 0)


def test_what_was_filled_in_is_painted(tmp_path: Path) -> None:
    """The value of a form's field, though the document does not say what it looks like."""
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]/DA(/F 20 Tf 0 g)>>>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Annots[4 0 R]>>",
        4: b"<</Type/Annot/Subtype/Widget/FT/Tx/F 4/T(name)/V(Filled in)/DA(/F 20 Tf 0 g)"
        b"/Rect[20 80 280 120]/P 3 0 R>>",
    }
    with _open(tmp_path, join_pdf(objects)) as pages:
        assert _ink(pages.paint(0))


def test_a_missing_page_is_its_own_failure(tmp_path: Path) -> None:
    """Its neighbours are painted."""
    with _open(tmp_path, (BAD / "one-page-missing.pdf").read_bytes()) as pages:
        assert pages.count == 3
        assert _ink(pages.paint(0))
        with pytest.raises(BadPage, match=r"Page 2: PDFium cannot read it: [^.]+\.$"):
            pages.paint(1)
        assert _ink(pages.paint(2))


def test_a_page_that_takes_too_long_is_its_own_failure(tmp_path: Path) -> None:
    """Native code cannot be interrupted, so its process is ended; the next page is painted by another one."""
    with _open(tmp_path, nest_forms(12), most_seconds=1.0) as pages:
        with pytest.raises(BadPage, match="Page 1: PDFium took longer than 1 s"):
            pages.paint(0)
        assert pages.paint(1).stat().st_size > 0


def test_a_page_that_takes_too_much_memory_is_its_own_failure(tmp_path: Path) -> None:
    """PDFium ends its process when it gets no memory; the next page is painted by another one."""
    # macOS has no such limit: there it is the time that runs out.
    end = "crashed" if sys.platform == "linux" else "took longer"
    with _open(tmp_path, nest_forms(12), most_memory=_MEMORY, most_seconds=10) as pages:
        with pytest.raises(BadPage, match=f"Page 1: PDFium {end}"):
            pages.paint(0)
        assert pages.paint(1).stat().st_size > 0


def test_a_document_that_keeps_crashing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a thousand such pages would take a day."""
    monkeypatch.setattr(pdf_pages, "MOST_DEATHS", 2)
    with _open(tmp_path, nest_forms(12), most_seconds=0.5) as pages:
        with pytest.raises(BadPage):
            pages.paint(0)
        with pytest.raises(BadSource, match="2 of its pages crashed PDFium or took too long") as caught:
            pages.paint(0)

    assert caught.value.reason is Reason.BROKEN


def test_a_painter_that_is_told_to_end_is_no_bad_page(tmp_path: Path) -> None:
    """A worker that shuts down ends its children; the page is painted when the task is tried again."""
    with _open(tmp_path, make_pdf([Page()])) as pages:
        os.kill(_painter(pages), signal.SIGTERM)
        with pytest.raises(Unfinished):
            pages.paint(0)


def _painter(pages: PdfPages) -> int:
    """The process id of the painter."""
    assert pages._painter
    return pages._painter.pid


def test_closing_ends_the_painter(tmp_path: Path) -> None:
    """No process is left behind."""
    with _open(tmp_path, make_pdf([Page()])) as pages:
        child = _painter(pages)
        os.kill(child, 0)

    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_task_that_is_stopped_does_not_wait_for_the_page(tmp_path: Path) -> None:
    """As when Airflow's execution timeout strikes while PDFium is at work."""

    def strike(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, 2.0)
    started = time.monotonic()
    try:
        with pytest.raises(TimeoutError), _open(tmp_path, nest_forms(12), most_seconds=30.0) as pages:
            pages.paint(0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert time.monotonic() - started < 15


def test_an_installation_without_pdfium_is_no_bad_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every PDF would be a dead letter; instead the task fails, with what Python said."""
    (tmp_path / "pypdfium2.py").write_text("raise ImportError('no such library here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(NovaMMEError, match="no such library here") as caught:
        _open(tmp_path, make_pdf([Page()]))

    assert not isinstance(caught.value, BadSource)


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("encrypted.pdf", Reason.ENCRYPTED, "opens with a password only"),
        ("truncated.pdf", Reason.BROKEN, "cut off"),
        ("noise.pdf", Reason.BROKEN, "no PDF that can be read"),
        ("no-pages.pdf", Reason.EMPTY, "no pages"),
    ],
)
def test_a_bad_document_is_named(tmp_path: Path, name: str, reason: Reason, words: str) -> None:
    """The reason, and a sentence."""
    bad = _refuse(tmp_path, (BAD / name).read_bytes())

    assert bad.reason is reason
    assert words in bad.message


def test_an_empty_user_password_opens(tmp_path: Path) -> None:
    """Such a document forbids printing, or the like; everybody may look at it."""
    with _open(tmp_path, make_pdf([Page("Readable")], owner="owner")) as pages:
        assert _ink(pages.paint(0))


def test_the_document_may_be_filled_up(tmp_path: Path) -> None:
    """Zeros and line ends after the end mark are no sign of damage; a page after page of other things is."""
    whole = make_pdf([Page()])
    with _open(tmp_path, whole + bytes(4000) + b"\r\n") as pages:
        assert pages.count == 1

    assert _refuse(tmp_path, whole + b"<html>" * 400).reason is Reason.BROKEN
