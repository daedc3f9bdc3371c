"""The queries of an evaluation: lines of a file, and vectors that are held out."""

from __future__ import annotations

import numpy as np
import pytest
from core.corpora import make_corpus
from core.deployment import Deployment

from nova_mme.errors import BadSetting
from nova_mme.evaluation.question import draw_questions, embed_questions, read_texts


def test_a_line_is_a_text_or_an_object() -> None:
    """Empty lines are passed over, and so is a byte order mark."""
    lines = [b"\xef\xbb\xbfcats at night", b"", b'{"text": "rain"}', b"  ", "Käse {frisch}".encode()]

    assert read_texts(lines, "q.txt") == ["cats at night", "rain", "Käse {frisch}"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"source": "s3://a/b"}', r'Line 2 of q\.txt: It must be \{"text"'),
        (b'{"text": 3}', r'Line 2 of q\.txt: It must be \{"text"'),
        (b'{"text": ', r"Line 2 of q\.txt: It is not JSON"),
        (b"\xff\xfe", r"Line 2 of q\.txt: It is not UTF-8"),
        (b"x" * 8193, r"Line 2 of q\.txt: .*8,?192"),
    ],
)
def test_a_line_that_is_no_query_is_named(line: bytes, message: str) -> None:
    """By number and file."""
    with pytest.raises(BadSetting, match=message):
        read_texts([b"cats", line], "q.txt")


def test_a_file_has_a_query_and_at_most_a_thousand() -> None:
    """Or the message says so."""
    with pytest.raises(BadSetting, match=r"q\.txt holds no query"):
        read_texts([b"", b" "], "q.txt")
    with pytest.raises(BadSetting, match="over 1,000 queries"):
        read_texts([b"cats"] * 1001, "q.txt")
    assert len(read_texts([b"cats"] * 1000, "q.txt")) == 1000


def test_a_source_asks_once() -> None:
    """With one of its vectors, at unit norm; it is no result itself."""
    corpus = make_corpus(30, each=3)
    corpus.matrix[:] *= 2

    questions = draw_questions(corpus, 200)

    assert sorted(questions.own.tolist()) == list(range(10))
    assert [name.partition("/")[0] for name in questions.names] == questions.left_out
    np.testing.assert_allclose(np.linalg.norm(questions.matrix, axis=1), 1, atol=1e-6)
    assert not questions.given
    assert len(draw_questions(corpus, 4)) == 4


def test_a_refused_text_is_named(empty: Deployment) -> None:
    """In the notes of Bedrock's error."""
    empty.put_faults({"operation": "bedrock-runtime.InvokeModel", "code": "AccessDeniedException"})

    with pytest.raises(empty.bedrock.exceptions.AccessDeniedException) as caught:
        embed_questions(["cats at night"], bedrock=empty.bedrock, space=empty.settings.space)

    assert caught.value.__notes__ == ["The query was 'cats at night'."]
