"""The text of a .docx document, in reading order, with its tables: what Word shows with all changes accepted.

Read as a stream: a document of any length takes the memory of its longest paragraph. Headings and lists are marked as
in Markdown, the cells of a table's row are joined by " | ". Element names: ECMA-376, part 1, section 17.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from nova_mme.documents.docx_package import DocxPackage, local_name
from nova_mme.errors import Reason
from nova_mme.modality import Modality
from nova_mme.preflight.segment_length import WORD_CHARACTERS

# Nova takes 1,900 segments of a text, of at most 50,000 characters, which end before a word.
_LIMITS = Modality.TEXT.limits
MOST_CHARACTERS = _LIMITS.max_segments * ((_LIMITS.segment_max or 0) - WORD_CHARACTERS)

# Nothing in these is part of the text as it stands: the older twin of a drawing, what was deleted or moved away, earlier
# formatting, and what is written above a character to say how it is read.
_SKIPPED = frozenset({"Fallback", "del", "moveFrom", "pPrChange", "rt"})
_CHARACTERS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_MOST_MARKS = 6
_BODY_TEXT_LEVEL = 9

Write = Callable[[str], object]


def read_docx(package: DocxPackage, write: Write) -> int:
    """Hand the text to ``write`` in pieces; returns how many characters that were.

    Headers come first, footnotes and footers last, each line of them once.

    :raises BadSource: when a part is damaged, there is no text in it, or more than the model takes.
    """
    lines = _Lines(package, write)
    styles = _Styles()
    for part in package.related(package.main, "styles"):
        package.parse(part, styles)
    for kind in ("header", "", "footnotes", "endnotes", "footer"):
        lines.margin = kind in ("header", "footer")
        parts = package.related(package.main, kind) if kind else [package.main]
        for part in sorted(parts):
            package.parse(part, _Reader(package, part, styles, lines))
    if not lines.characters:
        message = (
            "It holds no text, and pictures in it are not read; save it as PDF to have its pages embedded."
        )
        raise package.bad(message, Reason.EMPTY)
    return lines.characters


class _Lines:
    """Writes lines: those of a list or a table one below the other, all others with a blank line between.

    :ivar margin: these are headers or footers: there is one for each section, and most say the same.
    """

    def __init__(self, package: DocxPackage, write: Write) -> None:
        self._package, self._write = package, write
        self._before = ""
        self._seen: set[str] = set()
        self.margin = False
        self.characters = 0

    def add(self, line: str, kind: str = "") -> None:
        if self.margin:
            if line in self._seen or not any(map(str.isalpha, line)):  # a page number says nothing here
                return
            self._seen.add(line)
        if self.characters:
            line = ("\n" if kind and kind == self._before else "\n\n") + line
        self._before = kind
        self.characters += len(line)
        if self.characters > MOST_CHARACTERS:
            message = f"It has more than {MOST_CHARACTERS:,} characters, which is more than the model takes."
            raise self._package.bad(message, Reason.TOO_MANY_SEGMENTS)
        self._write(line)


@dataclass(slots=True)
class _Style:
    """What a paragraph style says of its paragraphs; None where it leaves that to the style it is based on."""

    base: str = ""
    level: int | None = None
    item: bool | None = None


class _Styles:
    """Collects the styles, for which paragraphs are headings and list items."""

    def __init__(self) -> None:
        self._styles: dict[str, _Style] = {}
        self._style = _Style()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        value = _value(attributes)
        match name:
            case "style":
                self._style = self._styles[_value(attributes, "styleId")] = _Style()
            case "basedOn":
                self._style.base = value
            case "name" if value.lower() == "title":
                self._style.level = 0
            case "name" if match := _HEADING.fullmatch(value):
                self._style.level = int(match[1]) - 1
            case "outlineLvl":
                self._style.level = _level(value)
            case "numId":
                self._style.item = value != "0"

    def end(self, name: str) -> None:
        if name == "style":
            self._style = _Style()

    def data(self, text: str) -> None:
        """Styles hold none."""

    def find(self, name: str) -> _Style:
        """What holds for a style with all that it is based on."""
        found, seen = _Style(), set()
        while (style := self._styles.get(name)) and name not in seen:
            seen.add(name)
            found.level = style.level if found.level is None else found.level
            found.item = style.item if found.item is None else found.item
            name = style.base
        return found


@dataclass(slots=True)
class _Paragraph:
    """A paragraph that is being read; what it says itself goes before what its style says."""

    style: str = ""
    own: _Style = field(default_factory=_Style)
    pieces: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Table:
    """A table that is being read: the cells of its row, and, within another table's cell, its rows so far."""

    cells: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)


class _Reader:
    """Makes lines of a part's paragraphs and tables; a target of the package's parser.

    Paragraphs nest (a text box is anchored in one) and so do tables, hence the stacks.
    """

    def __init__(self, package: DocxPackage, part: str, styles: _Styles, lines: _Lines) -> None:
        self._package, self._part, self._styles, self._lines = package, part, styles, lines
        self._root = ""
        self._skipping = 0
        self._in_text = False
        self._paragraphs: list[_Paragraph] = []
        self._tables: list[_Table] = []
        self._cells: list[list[str]] = []
        self._waiting = 0  # characters in pieces and cells that are no line yet

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._root:
            self._check_root(name)
        if self._skipping or name in _SKIPPED:
            self._skipping += 1
        elif name in _CHARACTERS:
            self._take(_CHARACTERS[name])
        elif name in ("pStyle", "outlineLvl", "numId"):
            if self._paragraphs:
                self._shape(self._paragraphs[-1], name, _value(attributes))
        else:
            self._open(name)

    def _open(self, name: str) -> None:
        match name:
            case "p":
                self._paragraphs.append(_Paragraph())
            case "t":
                self._in_text = True
            case "tbl":
                self._tables.append(_Table())
            case "tc":
                self._cells.append([])

    def data(self, text: str) -> None:
        if self._in_text:
            self._take(text)

    def end(self, name: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        match name:
            case "p":
                self._end_paragraph(self._paragraphs.pop())
            case "t":
                self._in_text = False
            case "tc":
                self._end_cell(" ".join(self._cells.pop()))
            case "tr" if self._tables:
                self._end_row(self._tables[-1])
            case "tbl":
                self._end_table(self._tables.pop())

    def _check_root(self, name: str) -> None:
        self._root = name
        if self._part == self._package.main and name != "document":
            message = f"It is no Word document: its main part is a {name[:40]!r}."
            raise self._package.bad(message, Reason.WRONG_CONTENT)

    @staticmethod
    def _shape(paragraph: _Paragraph, name: str, value: str) -> None:
        match name:
            case "pStyle":
                paragraph.style = value
            case "outlineLvl":
                paragraph.own.level = _level(value)
            case "numId":
                paragraph.own.item = value != "0"

    def _take(self, text: str) -> None:
        if not self._paragraphs:
            return
        self._waiting += len(text)
        if self._waiting > MOST_CHARACTERS:
            message = f"It has a paragraph or a table of over {MOST_CHARACTERS:,} characters."
            raise self._package.bad(message, Reason.TOO_MANY_SEGMENTS)
        self._paragraphs[-1].pieces.append(text)

    def _end_paragraph(self, paragraph: _Paragraph) -> None:
        text = "".join(paragraph.pieces).strip()
        if not text:
            return
        if self._cells:
            self._cells[-1].append(" ".join(text.split()))
            return
        if not self._paragraphs:
            self._waiting = 0
        style = self._styles.find(paragraph.style)
        level = style.level if paragraph.own.level is None else paragraph.own.level
        item = style.item if paragraph.own.item is None else paragraph.own.item
        if level is not None and level < _BODY_TEXT_LEVEL:
            marks = "#" * min(level + 1, _MOST_MARKS)
            self._lines.add(f"{marks} {' '.join(text.split())}")
        elif item:
            self._lines.add(f"- {text}", "item")
        else:
            self._lines.add(text)

    def _end_cell(self, text: str) -> None:
        if self._tables:
            self._tables[-1].cells.append(text)

    def _end_row(self, table: _Table) -> None:
        line = " | ".join(table.cells) if any(table.cells) else ""
        table.cells = []
        if not line:
            return
        if self._cells:
            table.rows.append(line)
        else:
            self._waiting = 0
            self._lines.add(line, "row")

    def _end_table(self, table: _Table) -> None:
        """Of a table in a cell, all rows become one piece of the cell's text."""
        if table.rows and self._cells:
            self._cells[-1].append(f"({'; '.join(table.rows)})")


def _value(attributes: dict[str, str], name: str = "val") -> str:
    return next((value for key, value in attributes.items() if local_name(key) == name), "")


def _level(value: str) -> int:
    return int(value) if value.isdecimal() and len(value) < 3 else _BODY_TEXT_LEVEL
