"""The demo's searches ask what people would, and show each file once, best first."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nova_mme.modality import Modality
from nova_mme.search.query import MediaQuery, TextQuery, embed_query
from nova_mme.search.retrieval import Hit
from nova_mme.space import Space
from nova_mme_local.airflow_settings import MODEL_REVISION, VECTOR_BUCKET
from nova_mme_local.demo_search import Question, Searcher, ask_own, ask_samples, describe
from nova_mme_local.media import Media
from nova_mme_local.samples import media
from nova_mme_local.screen import WIDTH, Screen

_TEXTS = {
    "rain.txt": ["Rain falls from grey clouds onto the roof", "More rain, and still more rain on the roof"],
    "bread.txt": ["Bake the bread for an hour in a hot oven"],
    "goals.txt": ["The striker scored two goals before half time"],
}


@pytest.fixture
def searcher(client: Callable[..., Any]) -> Searcher:
    """Three texts in the index of the local stack, one of them in two segments."""
    bedrock, vectors = client("bedrock-runtime"), client("s3vectors")
    space = Space(revision=MODEL_REVISION)
    index = {"vectorBucketName": VECTOR_BUCKET, "indexName": space.index_name(1024)}
    vectors.create_vector_bucket(vectorBucketName=VECTOR_BUCKET)
    vectors.create_index(**index, dataType="float32", dimension=1024, distanceMetric="cosine")
    rows = [
        {
            "key": f"{name}/{number}",
            "data": {"float32": embed_query(TextQuery(text), 1024, bedrock=bedrock, space=space).tolist()},
            "metadata": {
                "fileName": name,
                "modalityType": "text",
                "sourceS3Uri": f"s3://media/{name}",
                "text": text,
            },
        }
        for name, texts in _TEXTS.items()
        for number, text in enumerate(texts)
    ]
    vectors.put_vectors(**index, vectors=rows)
    return Searcher(bedrock=bedrock, s3vectors=vectors)


def test_finds_each_file_once_best_first(searcher: Searcher) -> None:
    """The file that says it is first, with the better of its two segments, and comes up once."""
    hits = searcher.find(Question("", "", TextQuery("rain on the roof")))
    assert [hit.metadata["fileName"] for hit in hits].count("rain.txt") == 1
    assert hits[0].metadata["fileName"] == "rain.txt"
    assert len(hits) == len(_TEXTS)


def test_shows_scores_and_counts_what_was_right(searcher: Searcher) -> None:
    """Two searches with a known answer, one of them wrong: the sentence says 1 of 2."""
    file = io.StringIO()
    questions = [
        Question("Rain", '"rain"', TextQuery("rain on the roof"), finds=("rain.txt",)),
        Question("Bread", '"goals"', TextQuery("striker scored goals"), finds=("bread.txt",)),
    ]
    searcher.show(questions, Screen(file))
    shown = file.getvalue()
    assert "1 of 2 searches found first what they should" in shown
    assert shown.index("rain.txt") < shown.index("goals.txt")
    assert max(map(len, shown.splitlines())) <= WIDTH


def test_prepared_searches_can_be_asked() -> None:
    """Every prepared search becomes a question that the model can take, about files that exist."""
    names = {path.name for path in media()}
    for question in ask_samples():
        assert question.query.body(1024)
        assert set(question.finds) <= names
        assert question.finds


def test_own_media_are_asked_about_by_name_and_by_example(tmp_path: Path) -> None:
    """The words of a file's name for each modality, and one picture or sound as the query."""
    for name in ("IMG_0042-sunset_beach.jpg", "notes-on-tides.txt", "12.mp3"):
        (tmp_path / name).write_bytes(b"content")
    questions = ask_own(Media.folder(tmp_path))
    texts = [q.query.text for q in questions if isinstance(q.query, TextQuery)]
    examples = [q.query.name for q in questions if isinstance(q.query, MediaQuery)]
    assert texts == ["notes on tides", "IMG sunset beach"]
    assert [Modality.of_name(name) for name in examples] == [Modality.IMAGE]
    assert {q.modality for q in questions} <= {None, *Modality}


def test_a_hit_tells_its_part_of_the_file(searcher: Searcher) -> None:
    """A text's hit shows how it begins, and stays in one line."""
    (hit, *_) = searcher.find(Question("", "", TextQuery("bread in the oven")))
    assert "bread.txt" in describe(hit)
    assert '"Bake the bread' in describe(hit)
    assert len(describe(hit)) <= WIDTH


def test_a_page_is_told_and_counted() -> None:
    """The line has the page's number; another page of the right file is not what was asked for."""
    question = Question("", "", TextQuery("chart"), finds=("report.pdf",), page=2)
    hits = [
        Hit(
            f"report/IMAGE/{page}",
            0.9,
            {"fileName": "report.pdf", "modalityType": "document", "pageNumber": page},
        )
        for page in (1, 2)
    ]

    assert describe(hits[1]).endswith("document page 2")
    assert [question.is_answered(hit) for hit in hits] == [False, True]


def test_a_document_is_asked_about_but_is_no_query(tmp_path: Path) -> None:
    """Words find the text of a .docx, but not the picture of a page; the model takes neither to search with."""
    (tmp_path / "annual-report.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "letter-home.docx").write_bytes(b"PK")

    (question,) = ask_own(Media.folder(tmp_path))

    assert question.query == TextQuery("letter home")


def test_nobody_asks_for_a_file_that_failed(tmp_path: Path) -> None:
    """A file without vectors cannot be found; the next one of its kind is asked for instead."""
    (tmp_path / "a-broken-note.txt").touch()
    (tmp_path / "weather-report.txt").write_text("Rain.")
    media = Media.folder(tmp_path)

    questions = ask_own(media, {f"{media.prefix}a-broken-note.txt"})

    assert [question.query.text for question in questions if isinstance(question.query, TextQuery)] == [
        "weather report"
    ]


def test_a_query_that_the_model_refuses_is_told(searcher: Searcher) -> None:
    """A broken picture as an example ends its own search, not the demo."""
    file = io.StringIO()
    questions = [
        Question("An image", "x.png", MediaQuery("x.png", b"no picture")),
        Question("Rain", '"rain"', TextQuery("rain on the roof"), finds=("rain.txt",)),
    ]

    searcher.show(questions, Screen(file))

    assert "cannot be asked" in file.getvalue()
    assert "rain.txt" in file.getvalue()
