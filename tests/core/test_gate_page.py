"""The gate's page: complete, self-contained, and safe whatever sources are called."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from core.deployment import Deployment
from core.stocked import FOLDER, RECIPE
from core.two_spaces import TEXTS, TwoSpaces, put, start, store

from nova_mme.errors import Reason
from nova_mme.migration.gate_page import render, write
from nova_mme.migration.gate_plot import plot_distribution, plot_recall
from nova_mme.migration.verdict import Verdict
from nova_mme.space import DIMENSIONS

_ODD = 'a <b>"bold"</b> <script>alert(1)</script> &amp; \u202egpj.txt'
_EMPTY = {"meta", "line", "rect", "br"}


class _Page(HTMLParser):
    """Reads a page, and sees that what is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _EMPTY:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def two(deployment: Deployment) -> TwoSpaces:
    """Two spaces of a dozen sources."""
    return TwoSpaces(deployment).fill(12)


def _spoil(two: TwoSpaces) -> Verdict:
    """Something of everything is wrong."""
    odd = two.upload(_ODD, "An odd name.")
    store(two.old, [odd], two.embed(two.old, ["An odd name."]))
    two.new.ledger.failed(two.sources[0], RECIPE, attempt=1, reason=Reason.BROKEN, message="<i>half\nway</i>")
    two.new.store.delete([f"{two.sources[1].object_id}/TEXT/0"])
    vectors = two.embed(two.new, TEXTS[2:4])
    put(two.new, two.sources[2:4], vectors, scale=1.1)
    return two.judge()


def test_a_good_verdict_comes_first(two: TwoSpaces) -> None:
    """And all figures after it."""
    text = _Page(render(two.judge())).text

    assert "Gate before cutover: passed" in text
    assert "12 of 12 sources that can be found today" in text
    assert all(f"{dimension}d" in text for dimension in DIMENSIONS)
    assert text.count("overlap 0.") + text.count("overlap 1.") == 10


def test_a_bad_verdict_says_why(two: TwoSpaces) -> None:
    """Every reason and every note is on the page, before the figures."""
    verdict = _spoil(two)

    text = _Page(render(verdict)).text

    assert "Gate before cutover: failed" in text
    assert len(verdict.reasons) == 4
    for sentence in (*verdict.reasons, *verdict.notes):
        assert " ".join(sentence.split()) in " ".join(text.split())
        assert text.index(sentence[:20]) < text.index("Completeness")
    assert Reason.BROKEN.next_step in text


def test_what_waits_says_so(two: TwoSpaces) -> None:
    """It is no failure."""
    start(two.new, two.sources[0])

    assert "Gate before cutover: waiting" in _Page(render(two.judge())).text


def test_names_are_text_and_nothing_else(two: TwoSpaces) -> None:
    """No element, attribute or line of a page comes from what a source is called."""
    text = render(_spoil(two))
    page = _Page(text)

    assert not page.names & {"script", "b", "i", "img", "link", "iframe", "object", "form", "a"}
    assert not {name for name in page.attributes if name.startswith("on")} | (
        page.attributes & {"src", "href"}
    )
    assert "<script>alert(1)</script> &amp; " in page.text
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_an_empty_corpus_has_a_page(deployment: Deployment) -> None:
    """Without a plot: there is nothing to see."""
    page = _Page(render(TwoSpaces(deployment).fill(0).judge()))

    assert "Not judged." in page.text
    assert "svg" not in page.names


def test_page_and_figures_are_kept(two: TwoSpaces) -> None:
    """Side by side; the figures are all of them."""
    verdict = _spoil(two)

    uri = write(verdict, two.deployment.s3, FOLDER)

    assert uri == str(FOLDER.join("gate.html"))
    page = two.deployment.s3.get_object(Bucket=FOLDER.bucket, Key=FOLDER.join("gate.html").key)
    assert page["ContentType"] == "text/html; charset=utf-8"
    assert page["Body"].read().decode() == render(verdict)
    body = two.deployment.s3.get_object(Bucket=FOLDER.bucket, Key=FOLDER.join("gate.json").key)["Body"].read()
    figures = json.loads(body)
    assert (figures["passed"], figures["reasons"]) == (False, verdict.reasons)
    assert figures["bars"]["min_coverage"] == 1.0
    assert figures["norms"]["256"]["off"] == 2
    assert [item["uri"] for item in figures["findings"]] == [two.sources[1].uri]
    assert {item["standing"] for item in figures["absences"]} == {"missing", "failed"}
    assert len(figures["comparisons"]) == len(verdict.agreement.comparisons)


def test_a_bar_has_its_height_and_its_colour() -> None:
    """Full height is 1.0; what is below its line is bad."""
    plot = ElementTree.fromstring(plot_recall([("256d", 0.25, 0.5), ("384d", 1.0, 0.5), ("1024d", 0.5, 0.5)]))

    bars = plot.findall("rect")
    heights = [float(bar.attrib["height"]) for bar in bars]
    assert heights[0] == pytest.approx(heights[1] / 4, abs=0.1)
    assert [bar.attrib["class"] for bar in bars] == ["bad", "good", "good"]
    assert "256d: 0.25, at least 0.50 needed" in (plot.findtext("desc") or "")


def test_queries_are_counted_by_tenths() -> None:
    """The best and the worst are in it, and no tenth is lost to rounding."""
    recalls = [number / 10 for number in range(11) if number != 7] + [2 / 3, 1.0, 0.0, 0.0]

    told = ElementTree.fromstring(plot_distribution(recalls)).findtext("desc")

    ones = "; ".join(f"0.{number}: 1" for number in range(1, 10))
    assert told == f"0.0: 3; {ones}; 1.0: 2"
