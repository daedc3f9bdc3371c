"""The program that paints a PDF's pages, in a process of its own: a page that crashes or hangs PDFium ends only that.

Run by :mod:`nova_mme.documents.pdf_pages` as ``python pdf_painter.py SOURCE IMAGE SECONDS MEMORY``; it imports nothing of this
package. It answers a line of JSON when the document is open, ``{"pages": 3}``, and one for each page number, from 0,
that it reads: ``{"painted": true}``, with the page in the file IMAGE. What is wrong is a ``{"problem": "..."}``.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import sys
from typing import Any

# An A4 page becomes 1448 x 2048 pixels, 175 to the inch: type of 6 points still has letters of 7 pixels, as the
# reading of dense text needs. Uncompressed that is 9 MB, 12.6 MB for a square one: the model's limit of 50 MB for
# an image (Amazon Nova user guide, "Embeddings schema") is never in reach.
LONGEST_EDGE = 2048
# More shows nothing new of a small page.
MOST_DOTS_PER_INCH = 300

# Above it, PDF viewers do not go (ISO 32000-1, annex C); in units of 1/72 inch.
LARGEST_PAGE = 14_400
# A page narrower than this on its image shows nothing that can be read.
_SHORTEST_EDGE = 16

# Far more than an honest page needs: an A3 scan in colour at 600 dots to the inch takes 3 s and 0.5 GB.
MOST_SECONDS = 60.0
MOST_MEMORY = 1 << 30

_TOO_MUCH = "it takes too much memory"
_POINTS_PER_INCH = 72


class _BadPage(Exception):
    """A page that is not painted; the message says why."""


def scale_of(width: float, height: float) -> float:
    """Pixels per unit for a page of so many units.

    :raises _BadPage: when it is of no size that could be painted and read.
    """
    measure = f"it measures {width:g} x {height:g} points"
    short, long = sorted((width, height))
    if long > LARGEST_PAGE:
        raise _BadPage(f"{measure}, and no PDF viewer shows more than {LARGEST_PAGE:,}")
    scale = min(MOST_DOTS_PER_INCH / _POINTS_PER_INCH, LONGEST_EDGE / max(1, long))
    if short * scale < _SHORTEST_EDGE:
        raise _BadPage(f"{measure}: too narrow to be read at {LONGEST_EDGE:,} pixels")
    return scale


def paint(document: Any, number: int, image: str) -> dict[str, Any]:
    """Write one page as PNG to the file ``image``; what is wrong with a page is told, not raised."""
    from pypdfium2 import PdfiumError

    try:
        page = document[number]
        try:
            picture = page.render(scale=scale_of(*page.get_size()), rev_byteorder=True).to_pil()
        finally:
            page.close()
        # Level 1 takes a third of the time of Pillow's 6, for a file a quarter larger.
        picture.save(image, "PNG", compress_level=1)
    except PdfiumError as error:
        return {"problem": f"PDFium cannot read it: {error}".rstrip(".")}
    except MemoryError:
        return {"problem": _TOO_MUCH}
    except _BadPage as error:
        return {"problem": str(error)}
    return {"painted": True}


def main(source: str, image: str, seconds: str, memory: str) -> None:
    """Open the document, and paint the pages that are asked for until the input ends.

    :param seconds: that opening it, or one page, may take.
    :param memory: bytes of address space that this process may have.
    """
    import PIL.Image  # noqa: F401 - loaded now, lest it counts as the first page's time
    from pypdfium2 import PdfDocument, PdfiumError

    _limit_memory(int(memory))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # it ends the process, wherever in native code that is
    signal.setitimer(signal.ITIMER_REAL, float(seconds))
    try:
        document = PdfDocument(source)
        document.init_forms()  # what was filled in is painted only with these
    except PdfiumError as error:
        _answer({"problem": str(error), "code": error.err_code})
        return
    except MemoryError:
        _answer({"problem": _TOO_MUCH, "code": None})
        return
    _answer({"pages": len(document)})
    signal.setitimer(signal.ITIMER_REAL, 0)
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_REAL, float(seconds))
        _answer(paint(document, int(line), image))
        signal.setitimer(signal.ITIMER_REAL, 0)


def _limit_memory(most: int) -> None:
    # A lower limit may be in force already, and macOS refuses this one.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _answer(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
