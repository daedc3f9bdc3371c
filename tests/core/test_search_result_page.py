"""Search results to read: the page is whole, needs nothing else, and is safe whatever sources are called."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import orjson
import pytest
from core.deployment import Deployment
from core.library import ask

from nova_mme.search.answer import Answer
from nova_mme.search.batch import AnswerFile, Reply
from nova_mme.search.grouping import Result, Span
from nova_mme.search.query import SourceQuery, TextQuery
from nova_mme.search.request import Way
from nova_mme.search.result_page import ResultPage
from nova_mme.search.result_table import render_table
from nova_mme.search.wording import tell_place
from nova_mme.source import S3Uri

_ODD = 'a <b>"bold"</b> <script>alert(1)</script> &amp; \x1b[31m\u202egpj.txt'
_EMPTY = {"meta", "br"}


class _Page(HTMLParser):
    """Reads a page, and sees that what is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _find(name: str = "cats.txt", score: float = 0.8125, **span: Any) -> Result:
    best = Span(f"{name}/TEXT/0", score, 1 - score, "TEXT", 0, 0, **span)
    about = {"sourceS3Uri": f"s3://media/{name}", "fileName": name, "modalityType": "text"}
    return Result(name, (best,), about)


def _reply(*results: Result, number: int = 1, text: str = "cats", is_complete: bool = True) -> Reply:
    answer = Answer(
        tuple(results), "nova", Way(), "GENERIC_RETRIEVAL", (), len(results), is_complete, seconds=0.25
    )
    return Reply(number, ask(query=TextQuery(text)), answer)


def _render(*replies: Reply) -> _Page:
    page = ResultPage(len(replies))
    for reply in replies:
        page.add(reply)
    return _Page(page.render())


def test_the_page_tells_query_and_results() -> None:
    """Name, URI, score, span and snippet of each source."""
    page = _render(
        _reply(_find(start_character=0, end_character=1200, text="All cats are grey.", snippet="All cats"))
    )

    for told in (
        "1. cats",
        "1 source, best 0.812",
        "s3://media/cats.txt",
        "characters 0 to 1,200",
        "All cats",
    ):
        assert told in page.text
    assert "flat at 1024 dimensions" in page.text


def test_nothing_is_run_or_fetched() -> None:
    """Names, texts, queries and problems are shown as they are; nothing of them is markup or turns the line."""
    problem = Reply(2, ask(query=SourceQuery(f"s3://media/{_ODD}")), problem=f"No vector of {_ODD}")
    odd = _reply(_find(_ODD, text=_ODD, snippet=_ODD), text=_ODD)

    page = _render(odd, problem)

    assert not {"script", "b", "img", "link", "iframe", "a"} & set(page.names)
    assert not {name for name in page.attributes if name.startswith("on")} | (
        page.attributes & {"src", "href"}
    )
    assert page.text.count("<script>alert(1)</script>") == 6
    assert not set("\u202e\x1b") & set(page.text)
    assert "default-src 'none'" in ResultPage(1).render()
    assert "width=device-width" in ResultPage(1).render()
    assert "prefers-color-scheme:dark" in ResultPage(1).render()


def test_one_query_shows_a_hundred_sources_and_many_show_ten() -> None:
    """A thousand queries with all of theirs would open nowhere; the page says where the others are."""
    reply = _reply(*(_find(f"{number}.txt") for number in range(120)))

    assert _render(reply).names.count("li") == 100
    page = _render(reply, _reply(number=2))

    assert page.names.count("li") == 10
    assert "The first 10 are shown" in page.text
    assert "Nothing was found" in page.text


def test_a_search_that_ended_early_says_so() -> None:
    """Fewer than were wanted are otherwise all that there is."""
    assert "There may be more" in _render(_reply(_find(), is_complete=False)).text
    assert "There may be more" not in _render(_reply(_find())).text


def test_a_problem_is_told() -> None:
    """In its place, and counted in the heading."""
    page = _render(_reply(_find()), Reply(2, ask(), problem="It is not stored."))

    assert "2 queries, 1 of which could not be searched" in page.text
    assert "It is not stored." in page.text


def test_page_and_answers_are_kept(buckets: Deployment) -> None:
    """Beside each other; the answers with their texts, a line each, and none with a vector."""
    replies = [_reply(_find(text="All cats", snippet="cats")), Reply(2, ask(), problem="No.")]
    folder = S3Uri.parse("s3://output/runs/search/one")
    page = ResultPage(2)
    with AnswerFile() as answers:
        for reply in replies:
            page.add(reply)
            answers.add(reply)
        assert answers.write(buckets.s3, folder) == "s3://output/runs/search/one/answers.jsonl"
    assert page.write(buckets.s3, folder) == "s3://output/runs/search/one/results.html"

    def get(name: str) -> Any:
        return buckets.s3.get_object(Bucket="output", Key=f"runs/search/one/{name}")

    first, second = map(orjson.loads, get("answers.jsonl")["Body"].read().splitlines())
    assert (first["number"], first["query"]) == (1, {"text": "cats"})
    assert first["results"][0]["spans"][0]["text"] == "All cats"
    assert second == {"number": 2, "query": {"text": "cats"}, "error": "No."}
    assert get("results.html")["ContentType"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ({}, ""),
        ({"start_seconds": 5.0, "end_seconds": 10.0}, "0:05 to 0:10"),
        ({"start_seconds": 59.96, "end_seconds": 3725.5}, "1:00 to 1:02:05.5"),
        ({"start_character": 0, "end_character": 41}, "characters 0 to 41"),
        ({"first_page": 2, "last_page": 2}, "page 2"),
        ({"first_page": 2, "last_page": 4}, "pages 2 to 4"),
    ],
)
def test_a_place_is_told_as_people_say_it(place: dict[str, Any], told: str) -> None:
    """Times by the clock, pages by their number; an image is all of it."""
    assert tell_place(_find(**place).best) == told


def test_the_table_is_ranked_and_aligned() -> None:
    """Score, modality, span and URI in columns, the snippet below; more than is shown is counted."""
    found = (
        _find(snippet="All cats", start_character=0, end_character=8),
        _find("b.txt", 0.5),
        _find("c.txt", 0.25),
    )

    assert render_table(_reply(*found), 2).splitlines() == [
        "Query 1: cats",
        "  3 sources, the first 2 of them; space nova, flat at 1024; 0.25 s",
        "     score  modality  span               source",
        "  1  0.812  text      characters 0 to 8  s3://media/cats.txt",
        "                                         All cats",
        "  2  0.500  text                         s3://media/b.txt",
    ]


def test_a_name_forges_no_line_of_the_table() -> None:
    """Line ends and terminal codes are spaces."""
    table = render_table(_reply(_find("a\n  2  0.999  text  s3://x\x1b[2J")), 5)

    assert len(table.splitlines()) == 4
    assert "\x1b" not in table
    assert render_table(Reply(1, ask(), problem="No\nway."), 5) == "Query 1: cats\n  No way."
