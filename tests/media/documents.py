"""Makes documents, sound ones and bad ones; `python tests/media/documents.py` writes those in tests/media/bad/document.

The same bytes each time. Nothing of the product makes them, so that it cannot agree with itself on a mistake.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BAD = Path(__file__).parent / "bad" / "document"

A4 = (595, 842)
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT_W = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


@dataclass(frozen=True)
class Page:
    """A page of a PDF: its text in large letters, and its size in points."""

    text: str = "Page"
    size: tuple[float, float] = A4
    content: bytes | None = None


def make_pdf(pages: Sequence[Page | None], *, count: int | None = None, **password: str) -> bytes:
    """A PDF of these pages; None is one whose object is not there.

    :param count: what it says of their number, when that is not the truth.
    :param password: ``user`` and ``owner``, to encrypt it with (40-bit RC4, ISO 32000-1, section 7.6).
    """
    numbers = [4 + 2 * index for index in range(len(pages))]
    kids = " ".join(f"{number} 0 R" for number in numbers)
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: f"<</Type/Pages/Kids[{kids}]/Count {len(pages) if count is None else count}>>".encode(),
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    }
    key = _Encryption(**password) if password else None
    for number, page in zip(numbers, pages, strict=True):
        if page is not None:
            width, height = page.size
            objects[number] = (
                f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents {number + 1} 0 R"
                "/Resources<</Font<</F 3 0 R>>>>>>"
            ).encode()
            drawn = page.content or f"BT /F 60 Tf 40 {height / 2} Td ({page.text}) Tj ET".encode()
            drawn = key.encrypt(number + 1, drawn) if key else drawn
            objects[number + 1] = b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn)
    return join_pdf(objects, trailer=key.trailer if key else b"")


def join_pdf(objects: Mapping[int, bytes], *, trailer: bytes = b"") -> bytes:
    """A PDF of numbered objects; 1 is the catalog."""
    data, places = b"%PDF-1.7\n", {}
    for number, body in objects.items():
        places[number] = len(data)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    size = max(objects) + 1
    table = b"".join(
        b"%010d 00000 n \n" % places[n] if n in places else b"0000000000 65535 f \n" for n in range(size)
    )
    end = b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, len(data))
    return data + b"xref\n0 %d\n%s" % (size, table) + end


def nest_forms(depth: int, *, wide: int = 10) -> bytes:
    """A PDF of two pages, the first of which draws a form that draws a form ...: ``wide`` to the power of ``depth``."""
    draw = b"/F Do " * wide
    form = b"<</Type/XObject/Subtype/Form/BBox[0 0 600 900]%s/Length %d>>stream\n%s\nendstream"
    resources = b"/Resources<</XObject<</F %d 0 R>>>>"
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R%s>>" % (resources % 6),
        4: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
        5: b"<</Length %d>>stream\n%s\nendstream" % (len(draw), draw),
    }
    for number in range(6, 6 + depth):
        objects[number] = form % (resources % (number + 1), len(draw), draw)
    objects[6 + depth] = form % (b"", 20, b"0 0 600 900 re f    ")
    return join_pdf(objects)


class _Encryption:
    """The standard security handler, revision 2."""

    def __init__(self, *, user: str = "", owner: str = "") -> None:
        identity = b"0123456789abcdef"
        padded = [(text.encode() + _PADDING)[:32] for text in (user, owner or user)]
        entry = _rc4(hashlib.md5(padded[1]).digest()[:5], padded[0])
        rights = (-4).to_bytes(4, "little", signed=True)
        self._key = hashlib.md5(padded[0] + entry + rights + identity).digest()[:5]
        check = _rc4(self._key, _PADDING)
        names = (b"<%s>" % part.hex().encode() for part in (entry, check, identity, identity))
        self.trailer = b"/Encrypt <</Filter/Standard/V 1/R 2/Length 40/P -4/O%s/U%s>>/ID[%s%s]" % tuple(names)

    def encrypt(self, number: int, data: bytes) -> bytes:
        """The bytes of a stream of an object."""
        key = hashlib.md5(self._key + number.to_bytes(3, "little") + b"\0\0").digest()[:10]
        return _rc4(key, data)


def _rc4(key: bytes, data: bytes) -> bytes:
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)


def make_docx(body: str, *, namespace: str = W, prolog: str = "", **parts: str) -> bytes:
    """A .docx whose document has this body.

    :param prolog: goes before the root element.
    :param parts: what else there is, by kind: ``header="<w:p>...</w:p>"``, ``styles=...``, ``footnotes=...``.
    """
    wrap = f'{prolog}<w:%s xmlns:w="{namespace}">%s</w:%s>'
    files = {"word/document.xml": wrap % ("document", f"<w:body>{body}</w:body>", "document")}
    roots = {"header": "hdr", "footer": "ftr"}
    for kind, content in parts.items():
        files[f"word/{kind}.xml"] = wrap % (roots.get(kind, kind), content, roots.get(kind, kind))
    files["word/_rels/document.xml.rels"] = relations({kind: f"{kind}.xml" for kind in parts})
    return zip_files({"_rels/.rels": relations({"officeDocument": "word/document.xml"}), **files})


def relations(targets: Mapping[str, str], *, mode: str = "") -> str:
    """A part of relationships, by kind."""
    mode = f' TargetMode="{mode}"' if mode else ""
    items = (
        f'<Relationship Id="r{kind}" Type="{_OFFICE}/{kind}" Target="{target}"{mode}/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{_RELATIONS}">{"".join(items)}</Relationships>'


def zip_files(files: Mapping[str, str | bytes], *, method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive, dated 1980; stored, for what deflating makes depends on zlib's version."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return data.getvalue()


def deflate(archive: bytes) -> bytes:
    """The same archive, deflated."""
    with zipfile.ZipFile(io.BytesIO(archive)) as whole:
        return zip_files({name: whole.read(name) for name in whole.namelist()}, method=zipfile.ZIP_DEFLATED)


def paragraph(text: str, properties: str = "") -> str:
    """A paragraph of one run."""
    return f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def make_ole2(stream: str) -> bytes:
    """The beginning of a compound file (MS-CFB) that has one stream, in the directory of its first sector."""
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + bytes.fromhex("3e000300feff0900")
    entries = (name.encode("utf-16-le").ljust(64, b"\0") + bytes(64) for name in ("Root Entry", stream))
    return header.ljust(512, b"\0") + b"".join(entries).ljust(1024, b"\0")


_ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ten bytes."}">' for n in range(10))

SPECIMENS: dict[str, Callable[[], bytes]] = {
    "encrypted.pdf": lambda: make_pdf([Page("Secret")], user="open sesame", owner="owner"),
    "truncated.pdf": lambda: make_pdf([Page("One"), Page("Two")])[:-400],
    "no-pages.pdf": lambda: make_pdf([]),
    "noise.pdf": lambda: b"%PDF-1.7\n" + bytes(range(256)) * 20 + b"\n%%EOF\n",
    "one-page-missing.pdf": lambda: make_pdf([Page("One"), None, Page("Three")]),
    "too-many-pages.pdf": lambda: make_pdf([Page("One")] + [None] * 1000),
    "encrypted.docx": lambda: make_ole2("EncryptedPackage"),
    "word-97.docx": lambda: make_ole2("WordDocument"),
    "truncated.docx": lambda: make_docx(paragraph("A text. " * 99))[:-200],
    "not-word.docx": lambda: zip_files({"inside.txt": "A text inside an archive.\n"}),
    "no-text.docx": lambda: make_docx("<w:p><w:r><w:drawing/></w:r></w:p>"),
    "zip-bomb.docx": lambda: deflate(make_docx(paragraph(" " * 50_000_000))),
    "entity-bomb.docx": lambda: make_docx(paragraph("&e9;"), prolog=f"<!DOCTYPE w:document [{_ENTITIES}]>"),
    "entity-file.docx": lambda: make_docx(
        paragraph("&passwords;"),
        prolog='<!DOCTYPE w:document [<!ENTITY passwords SYSTEM "file:///etc/passwd">]>',
    ),
}


def main() -> None:
    BAD.mkdir(parents=True, exist_ok=True)
    for name, make in SPECIMENS.items():
        (BAD / name).write_bytes(make())


if __name__ == "__main__":
    main()
