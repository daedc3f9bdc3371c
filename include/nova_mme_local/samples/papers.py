"""The sample documents: a report with a chart, a page that was scanned, and a letter made with a word processor."""

from __future__ import annotations

import io
import re
import textwrap
import time
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nova_mme_local.samples import writings

A4 = (595, 842)  # points of 1/72 inch
_MARGIN, _LINE = 56, 13.5
_SCAN_DOTS = 110  # to the inch
_COLUMNS = (90, 250, 350)  # of the scanned page, in dots
NEWER, OLDER, _INK = (0.78, 0.33, 0.10), (0.35, 0.45, 0.55), (0.1, 0.1, 0.1)
_DATED = (2025, 3, 1, 9, 0, 0)


class Sheet:
    """A page of a PDF that is drawn on from top to bottom, in Helvetica.

    :ivar y: where the next line goes, in points from the bottom.
    """

    def __init__(self) -> None:
        self._drawn: list[str] = []
        self.y = A4[1] - _MARGIN - 10.0

    @property
    def content(self) -> bytes:
        """The page's content stream (ISO 32000-1, section 8)."""
        return "\n".join(self._drawn).encode("cp1252")

    def write(self, text: str, *, x: float = _MARGIN, size: float = 9.5, bold: bool = False) -> None:
        """Put a line where the last one ended."""
        escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        font = "B" if bold else "R"
        self._drawn.append(f"BT /{font} {size} Tf {_colour(_INK)} {x:g} {self.y:g} Td ({escaped}) Tj ET")

    def write_title(self, text: str) -> None:
        """A heading, and the room below it."""
        self.write(text, size=15, bold=True)
        self.y -= 2 * _LINE

    def write_prose(self, text: str) -> None:
        """Paragraphs that are divided by blank lines, filled to the width of the page."""
        for paragraph in text.strip().split("\n\n"):
            for line in textwrap.wrap(" ".join(paragraph.split()), 112):
                self.write(line)
                self.y -= _LINE
            self.y -= _LINE / 2

    def fill(self, x: float, y: float, width: float, height: float, colour: Sequence[float]) -> None:
        """A rectangle; x and y are of its lower left corner."""
        self._drawn.append(f"{_colour(colour)} {x:g} {y:g} {width:g} {height:g} re f")


def _colour(colour: Sequence[float]) -> str:
    return " ".join(f"{part:g}" for part in colour) + " rg"


def draw_report() -> list[Sheet]:
    """The three pages of the tasting report: prose, a chart, and a table with the conclusion."""
    method, chart, table = Sheet(), Sheet(), Sheet()
    method.write_title(writings.TASTING_TITLE)
    method.write_prose(writings.TASTING_METHOD)
    _draw_chart(chart)
    _draw_table(table)
    return [method, chart, table]


def _draw_chart(sheet: Sheet) -> None:
    """Two bars for each coffee, 8 points of paper for a point of the score."""
    sheet.write_title("Points of 50, by coffee and grinder")
    bottom, scale = 150.0, 11.0
    for points in range(0, 51, 10):
        sheet.y = bottom + points * scale
        sheet.fill(_MARGIN + 20, sheet.y, 470, 0.6, (0.75, 0.75, 0.75))
        sheet.write(str(points))
    for number, (name, newer, older) in enumerate(writings.TASTING_SCORES):
        left = _MARGIN + 32 + number * 76
        sheet.fill(left, bottom, 30, newer * scale, NEWER)
        sheet.fill(left + 32, bottom, 30, older * scale, OLDER)
        for line, part in enumerate(name.split(" ", 1)):
            sheet.y = bottom - 18 - line * 12
            sheet.write(part, x=left)
    for label, colour, y in (("newer grinder", NEWER, 92), ("older grinder", OLDER, 74)):
        sheet.fill(_MARGIN + 32, y, 22, 10, colour)
        sheet.y = y + 1
        sheet.write(label, x=_MARGIN + 62)


def _draw_table(sheet: Sheet) -> None:
    columns = (_MARGIN, 190, 250, 310)
    sheet.write_title("The same in numbers")
    rows = [("Coffee", "newer", "older", "What people wrote")]
    for (name, newer, older), words in zip(writings.TASTING_SCORES, writings.TASTING_WORDS, strict=True):
        rows.append((name, f"{newer:.1f}", f"{older:.1f}", words))
    for number, row in enumerate(rows):
        for x, cell in zip(columns, row, strict=True):
            sheet.write(cell, x=x, size=10.5, bold=number == 0)
        sheet.fill(_MARGIN, sheet.y - 6, A4[0] - 2 * _MARGIN, 0.6, (0.6, 0.6, 0.6))
        sheet.y -= 22
    sheet.y -= 20
    sheet.write_prose(writings.TASTING_RESULT)


def bind(sheets: Iterable[Sheet]) -> bytes:
    """A PDF of the sheets, uncompressed: no library's version shows in it."""
    contents = [sheet.content for sheet in sheets]
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(contents)))
    font = "<</Type/Font/Subtype/Type1/BaseFont/{}/Encoding/WinAnsiEncoding>>".format
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(contents)}/MediaBox[0 0 {A4[0]} {A4[1]}]>>".encode(),
        font("Helvetica").encode(),
        font("Helvetica-Bold").encode(),
    ]
    for number, content in enumerate(contents):
        page = f"<</Type/Page/Parent 2 0 R/Contents {6 + 2 * number} 0 R/Resources<</Font<</R 3 0 R/B 4 0 R>>>>>>"
        objects += [page.encode(), b"<</Length %d>>stream\n%s\nendstream" % (len(content), content)]
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table) + end


def scan_note(path: Path) -> None:
    """Write the rain book's page as a scanner would: one grey picture, askew and grainy, and no text in the file."""
    width, height = (round(side * _SCAN_DOTS / 72) for side in A4)
    paper = Image.new("L", (width, height), 236)
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(22)
    for number, line in enumerate(writings.RAIN_NOTE.strip().splitlines()):
        for column, part in zip(_COLUMNS, re.split(" {2,}", line), strict=False):
            pen.text((column, 110 + 42 * number), part, fill=60, font=font)
    paper = paper.rotate(-1.1, Image.Resampling.BICUBIC, fillcolor=225)
    grain = np.random.default_rng(7).normal(0, 6, (height, width))
    scanned = Image.fromarray(np.clip(np.asarray(paper) + grain, 0, 255).astype(np.uint8))
    dated = time.struct_time((*_DATED, 5, 60, 0))
    scanned.save(path, "PDF", resolution=_SCAN_DOTS, quality=60, creationDate=dated, modDate=dated)


def type_letter(path: Path) -> None:
    """Write the letter about the cats as .docx, with headings, a list and a table."""
    import docx

    letter = docx.Document()
    letter.core_properties.author, letter.core_properties.comments = "nova_mme_local.samples", ""
    letter.add_heading(writings.CAT_TITLE, 0)
    letter.add_paragraph(writings.CAT_GREETING)
    letter.add_heading(writings.CAT_FOOD_TITLE, 1)
    letter.add_paragraph(writings.CAT_FOOD)
    table = letter.add_table(0, 3, style="Table Grid")
    for row in writings.CAT_MEALS:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    letter.add_heading(writings.CAT_HABITS_TITLE, 1)
    for habit in writings.CAT_HABITS:
        letter.add_paragraph(habit, style="List Bullet")
    letter.add_paragraph(writings.CAT_VET)
    data = io.BytesIO()
    letter.save(data)
    _pack_again(data, path)


def _pack_again(archive: io.BytesIO, path: Path) -> None:
    """Write the same archive dated as it always was."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, _DATED), old.read(name), compress_type=zipfile.ZIP_DEFLATED)


def photograph_chart(report: Path, path: Path) -> None:
    """Write a picture of the report's second page as a telephone would take it: askew, in warm and uneven light."""
    import pypdfium2

    with pypdfium2.PdfDocument(report) as document:
        page = document[1].render(scale=1.0, rev_byteorder=True).to_pil()
    page = page.rotate(2.0, Image.Resampling.BICUBIC, expand=True, fillcolor=(150, 130, 110))
    light = np.linspace(1.0, 0.82, page.width)[np.newaxis, :, np.newaxis] * (1.0, 0.97, 0.9)
    lit = Image.fromarray((np.asarray(page) * light).astype(np.uint8))
    lit.save(path, quality=85, optimize=True)
