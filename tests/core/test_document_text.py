"""The text of a .docx: all of it, in reading order, with its tables."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from media.documents import STRICT_W, deflate, make_docx, paragraph, zip_files

from nova_mme.documents import docx_text
from nova_mme.documents.docx_package import DocxPackage
from nova_mme.documents.docx_text import read_docx
from nova_mme.errors import BadSource, Reason

_URI = "s3://media/letter.docx"


def _read(folder: Path, content: bytes) -> str:
    path = folder / "document"
    path.write_bytes(content)
    pieces: list[str] = []
    with DocxPackage(path, _URI) as package:
        characters = read_docx(package, pieces.append)
    text = "".join(pieces)
    assert characters == len(text)
    return text


def _body(folder: Path, body: str, **parts: str) -> str:
    return _read(folder, make_docx(body, **parts))


def _run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def _table(*rows: list[str]) -> str:
    cells = ("".join(f"<w:tc>{cell}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def test_a_document_of_another_program_is_read_in_order(tmp_path: Path) -> None:
    """Headings, lists and tables as python-docx writes them, and the letterhead first."""
    document = docx.Document()
    document.add_heading("Coffee", 0)
    document.add_paragraph("Grown in many places.")
    document.add_heading("Brewing", 1)
    document.add_paragraph("Filter", style="List Bullet")
    document.add_paragraph("Press", style="List Bullet")
    document.add_heading("Times", 2)
    table = document.add_table(2, 3)
    for cell, text in zip(table._cells, ("Way", "Grind", "Minutes", "Press", "coarse", "4"), strict=True):
        cell.text = text
    document.add_paragraph("Enjoy.")
    document.sections[0].header.paragraphs[0].text = "The Roastery Ltd"
    document.sections[0].footer.paragraphs[0].text = "7"
    data = io.BytesIO()
    document.save(data)

    assert _read(tmp_path, data.getvalue()) == (
        "The Roastery Ltd\n\n# Coffee\n\nGrown in many places.\n\n# Brewing\n\n- Filter\n- Press\n\n## Times\n\n"
        "Way | Grind | Minutes\nPress | coarse | 4\n\nEnjoy."
    )


def test_nested_tables_stay_in_their_cell(tmp_path: Path) -> None:
    """The inner table's rows are in brackets, between the texts of the cell that it stands in."""
    inner = _table([paragraph("a"), paragraph("b")], [paragraph("c"), _table([paragraph("deep")])])
    inner += _table(["", ""])
    body = _table(
        [paragraph("before") + inner + paragraph("after"), paragraph("right")], ["", paragraph("below")]
    )

    assert _body(tmp_path, body) == "before (a | b; c | (deep)) after | right\n | below"


def test_empty_rows_and_paragraphs_leave_nothing(tmp_path: Path) -> None:
    """Neither blank lines nor bars."""
    body = paragraph(" ") + _table(["", ""], ["<w:p/>", "<w:p/>"]) + paragraph("Text") + "<w:p/>"

    assert _body(tmp_path, body) == "Text"


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        (
            f"<w:ins>{_run('new ')}</w:ins><w:del><w:r><w:delText>old</w:delText><w:br/></w:r></w:del>{_run('text')}",
            "new text",
        ),
        (f"<w:moveFrom>{_run('there')}</w:moveFrom><w:moveTo>{_run('here')}</w:moveTo>", "here"),
        (f"<w:hyperlink>{_run('link')}</w:hyperlink>", "link"),
        (f"<w:sdt><w:sdtPr/><w:sdtContent>{_run('field')}</w:sdtContent></w:sdt>", "field"),
        (f"<w:r><w:instrText>PAGEREF</w:instrText></w:r>{_run('12')}", "12"),
        (
            "<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/><w:t>d</w:t></w:r>",
            "a\tb\nc-d",
        ),
        (
            "<w:ruby><w:rt><w:r><w:t>kanji</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>漢字</w:t></w:r></w:rubyBase></w:ruby>",
            "漢字",
        ),
        ("<w:pPr><w:tabs><w:tab/></w:tabs></w:pPr>" + _run("stop"), "stop"),
    ],
    ids=["changed", "moved", "link", "field", "instruction", "white space", "ruby", "tab stop"],
)
def test_a_paragraph_is_what_word_shows(tmp_path: Path, inner: str, text: str) -> None:
    """Insertions and content controls are text; deletions and instructions are not."""
    assert _body(tmp_path, f"<w:p>{inner}</w:p>") == text


def test_blocks_in_content_controls_are_read(tmp_path: Path) -> None:
    """A cover page or a form is made of them: paragraphs, tables, and rows of tables."""
    wrap = "<w:sdt><w:sdtContent>{}</w:sdtContent></w:sdt>".format
    row = wrap("<w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc></w:tr>")
    body = wrap(paragraph("Cover")) + wrap(f"<w:tbl>{row}</w:tbl>") + paragraph("End")

    assert _body(tmp_path, body) == "Cover\n\na\n\nEnd"


def test_a_text_box_is_read_once(tmp_path: Path) -> None:
    """It is kept twice, for new and for old programs; it comes before the paragraph that it is anchored in."""
    box = f"<w:txbxContent>{paragraph('In the box')}</w:txbxContent>"
    drawing = f"<mc:AlternateContent xmlns:mc='m'><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"

    text = _body(tmp_path, f"<w:p><w:r>{drawing}</w:r>{_run('Outside')}</w:p>")

    assert text == "In the box\n\nOutside"


def test_headings_and_lists_are_found_by_style(tmp_path: Path) -> None:
    """By name or level, through the styles that theirs are based on; a paragraph may say otherwise."""
    styles = (
        '<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="Kapitel"><w:name w:val="Kapitel"/><w:basedOn w:val="berschrift1"/></w:style>'
        '<w:style w:styleId="Liste"><w:pPr><w:numPr><w:numId w:val="4"/></w:numPr></w:pPr></w:style>'
        '<w:style w:styleId="Ohne"><w:basedOn w:val="Liste"/><w:pPr><w:numPr><w:numId w:val="0"/></w:numPr></w:pPr>'
        "</w:style>"
        '<w:style w:styleId="Teil"><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>'
        '<w:style w:styleId="Kreis"><w:basedOn w:val="Kreis"/></w:style>'
    )
    style = '<w:pStyle w:val="{}"/>'.format
    number = '<w:numPr><w:numId w:val="{}"/></w:numPr>'.format
    body = (
        paragraph("One", style("Kapitel"))
        + paragraph("item", style("Liste"))
        + paragraph("no item", style("Liste") + number(0))
        + paragraph("none either", style("Ohne"))
        + paragraph("own item", number(3))
        + paragraph("no heading any more", f"<w:pPrChange><w:pPr>{style('Teil')}</w:pPr></w:pPrChange>")
        + paragraph("Part", style("Teil"))
        + paragraph("plain", style("Teil") + '<w:outlineLvl w:val="9"/>')
        + paragraph("round", style("Kreis"))
        + paragraph("unknown", style("Nirgends"))
    )

    assert _body(tmp_path, body, styles=styles) == (
        "# One\n\n- item\n\nno item\n\nnone either\n\n- own item\n\nno heading any more\n\n### Part\n\nplain\n\nround\n\nunknown"
    )


def test_margins_and_notes_come_around_the_text(tmp_path: Path) -> None:
    """Headers first, notes and footers last; a line once; a page number not at all."""
    text = _body(
        tmp_path,
        paragraph("Text"),
        header=paragraph("ACME") + paragraph("ACME"),
        footer=paragraph("ACME") + paragraph("- 3 -") + paragraph("confidential"),
        footnotes=f"<w:footnote>{paragraph('A note')}</w:footnote><w:footnote><w:p/></w:footnote>",
    )

    assert text == "ACME\n\nText\n\nA note\n\nconfidential"


def test_the_strict_format_is_read_too(tmp_path: Path) -> None:
    """The same names in other namespaces."""
    assert _read(tmp_path, make_docx(paragraph("Strict"), namespace=STRICT_W)) == "Strict"


def test_any_script_and_any_encoding(tmp_path: Path) -> None:
    """UTF-16 is as legal as UTF-8."""
    text = "Grüße, 日本語 und ☕ &amp; 𝄞"
    plain = make_docx(paragraph(text))

    assert _read(tmp_path, plain) == "Grüße, 日本語 und ☕ & 𝄞"
    assert (
        _read(tmp_path, _rewrite(plain, lambda part: part.decode().encode("utf-16")))
        == "Grüße, 日本語 und ☕ & 𝄞"
    )


def _rewrite(archive: bytes, change: Callable[[bytes], bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as whole:
        return zip_files(
            {
                name: change(whole.read(name)) if name == "word/document.xml" else whole.read(name)
                for name in whole.namelist()
            }
        )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (paragraph("word " * 300) * 2, "a paragraph or a table of over"),
        (_table([_table(*[[paragraph("word " * 20)]] * 30)]), "a paragraph or a table of over"),
        (paragraph("word " * 5) * 300, "more than"),
    ],
    ids=["a long paragraph", "a table", "many paragraphs"],
)
def test_more_text_than_the_model_takes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, words: str
) -> None:
    """However it is spread, and before a paragraph or a table is in memory whole; what fits is read."""
    monkeypatch.setattr(docx_text, "MOST_CHARACTERS", 1_000)
    with pytest.raises(BadSource, match=f"{words} 1,000 characters") as caught:
        _body(tmp_path, body)
    assert caught.value.reason is Reason.TOO_MANY_SEGMENTS

    monkeypatch.setattr(docx_text, "MOST_CHARACTERS", 10_000)
    assert "word" in _body(tmp_path, body)


def test_a_long_document_takes_little_memory(tmp_path: Path) -> None:
    """Of 9 MB of XML a fraction is held at a time."""
    path = tmp_path / "document"
    long = "".join(
        paragraph(f"Paragraph {number} says what {number - 1} has said.") for number in range(60_000)
    )
    path.write_bytes(deflate(make_docx(long)))
    del long
    tracemalloc.start()
    try:
        with DocxPackage(path, _URI) as package:
            characters = read_docx(package, lambda _: None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert characters > 2_000_000
    assert peak < 1_000_000
