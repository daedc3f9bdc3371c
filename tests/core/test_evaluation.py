"""Evaluations of a deployment: what is read, what is called, and that real searches find what they should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from core.builders import make_settings
from core.corpora import evaluate, make_matrix, stock_corpus
from core.deployment import Deployment
from core.library import describe, open_registry, put
from core.two_spaces import NEXT, TwoSpaces

import nova_mme.evaluation.corpus as corpus_module
from nova_mme.errors import BadSetting, IndexMismatch
from nova_mme.evaluation.corpus import read_corpus
from nova_mme.evaluation.evaluation import Extent
from nova_mme.space import DIMENSIONS, Space
from nova_mme_local.bedrock.models import NOVA_NEXT


def _count_calls(deployment: Deployment) -> dict[str, int]:
    names = ("ListVectors", "GetVectors", "QueryVectors")
    return {name: deployment.calls(f"s3vectors.{name}") for name in names}


def test_recall_is_that_of_the_stored_vectors(deployment: Deployment) -> None:
    """By brute force over what was put; sixty sources ask, and their own segments do not count."""
    matrix = stock_corpus(deployment, 120)

    assessment = evaluate(deployment, timed=0)

    assert (assessment.total, assessment.sources, assessment.queries) == (120, 60, 60)
    assert assessment.find("3072d").recall.value == 1.0
    for dimension in (256, 384, 1024):
        means = [_recall_by_force(matrix, dimension, segment) for segment in (0, 1)]
        recall = assessment.find(f"{dimension}d").recall
        # Which of its two segments a source asks with is the hash's choice: the mean lies near those of either.
        assert recall.value == pytest.approx(sum(means) / 2, abs=abs(means[0] - means[1]) + 0.02)
        assert recall.low < recall.value < recall.high < 1
    assert assessment.by_chance == pytest.approx(10 / 118)


def _recall_by_force(matrix: np.ndarray, dimension: int, segment: int) -> float:
    shares = []
    for row in range(segment, len(matrix), 2):
        others = [number for number in range(len(matrix)) if number // 2 != row // 2]
        tens = []
        for size in (dimension, 3072):
            prefix = matrix[:, :size] / np.linalg.norm(matrix[:, :size], axis=1, keepdims=True)
            tens.append({others[place] for place in np.argsort(-(prefix[others] @ prefix[row]))[:10]})
        shares.append(len(tens[0] & tens[1]) / 10)
    return sum(shares) / len(shares)


def test_the_exact_rankings_cost_two_kinds_of_calls(deployment: Deployment) -> None:
    """Listing, and a GetVectors for each hundred vectors: the shortlists are compared without any more."""
    stock_corpus(deployment, 120)
    before = _count_calls(deployment)

    assessment = evaluate(deployment, timed=0)

    calls = {name: count - before[name] for name, count in _count_calls(deployment).items()}
    assert calls == {"ListVectors": 9, "GetVectors": 2, "QueryVectors": 0}
    assert list(assessment.sweep) == [20, 50, 100, 200, 500]
    assert all(figure.trial is None for figure in assessment.figures)
    recalls = [means[3072].value for means in assessment.sweep.values()]
    assert recalls == sorted(recalls)
    assert recalls[-1] == 1.0


def test_real_searches_find_what_exact_ones_do(deployment: Deployment) -> None:
    """Local AWS is exact: each way finds all of its own ranking, and of the 3072-d one its recall."""
    stock_corpus(deployment, 120)
    before = _count_calls(deployment)

    assessment = evaluate(deployment, timed=60, shortlist=30)

    trials = {figure.name: figure.trial for figure in assessment.figures}
    assert len(trials) == 6
    for figure in assessment.figures:
        trial = figure.trial
        assert trial is not None
        assert len(trial.wall) == len(trial.cpu) == 60
        assert trial.faithful == [1.0] * 60
        assert np.mean(trial.served) == pytest.approx(figure.recall.value)
        assert 0 < trial.median_ms <= trial.slow_ms
    calls = {name: count - before[name] for name, count in _count_calls(deployment).items()}
    # One of each way that is not counted.
    assert calls["QueryVectors"] == 6 * 61
    assert calls["GetVectors"] == 2 + 2 * 61


def test_vectors_that_an_index_lacks_are_seen(deployment: Deployment) -> None:
    """A quarter of the 1024-d index is gone: what the service finds there is not what there is to be found."""
    stock_corpus(deployment, 120)
    keys = sorted(deployment.keys(1024))[::4]
    deployment.s3vectors.delete_vectors(
        vectorBucketName="vectors", indexName=deployment.index(1024), keys=keys
    )

    assessment = evaluate(deployment, timed=60)

    trial = assessment.find("1024d").trial
    assert trial is not None
    assert np.mean(trial.faithful) == pytest.approx(0.75, abs=0.06)
    assert assessment.find("1024d").recall.value > np.mean(trial.served)


def test_texts_are_embedded_for_retrieval(deployment: Deployment) -> None:
    """With the generic purpose, at 3072, once each; and every vector may be found."""
    stock_corpus(deployment, 60)
    with deployment.record("bedrock") as calls:
        assessment = evaluate(deployment, texts=["cats at night", "rain"], timed=2)

    assert deployment.calls("bedrock-runtime.InvokeModel") == 2
    bodies = [str(call.params["body"]) for call in calls]
    assert all('"GENERIC_RETRIEVAL"' in body and "3072" in body for body in bodies)
    assert (assessment.given, assessment.queries, assessment.timed) == (True, 2, 2)
    assert assessment.by_chance == pytest.approx(10 / 60)


def test_a_large_index_is_sampled(deployment: Deployment) -> None:
    """Only the sample is fetched, and the service is not judged by it."""
    stock_corpus(deployment, 120)

    assessment = evaluate(deployment, sample=50, timed=3)

    assert (assessment.total, assessment.taken, assessment.is_sample) == (120, 50, True)
    assert deployment.calls("s3vectors.GetVectors") == 1 + 2 * 4
    assert {figure.trial and len(figure.trial.served) for figure in assessment.figures} == {0}


def test_a_sample_is_the_same_again(deployment: Deployment) -> None:
    """And of the whole index."""
    stock_corpus(deployment, 120)

    first, again = (read_corpus(deployment.store, most=50) for _ in range(2))

    assert first.keys == again.keys
    assert first.keys != sorted(first.keys)
    assert len(set(first.keys)) == 50


def test_a_large_block_lies_in_a_file(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same numbers, and nothing of it is left in the folder."""
    stock_corpus(deployment, 30)
    expected = read_corpus(deployment.store, most=100)
    monkeypatch.setattr(corpus_module, "_MAX_MEMORY_BYTES", 1000)

    corpus = read_corpus(deployment.store, most=100, folder=tmp_path)

    assert isinstance(corpus.matrix, np.memmap)
    assert corpus.matrix.tolist() == expected.matrix.tolist()
    assert list(tmp_path.iterdir()) == []


def test_vectors_of_others_are_passed_over(deployment: Deployment) -> None:
    """Whatever else lies in the index under keys of another form."""
    stock_corpus(deployment, 20)
    for dimension in DIMENSIONS:
        data = {"float32": [1.0] * dimension}
        deployment.s3vectors.put_vectors(
            vectorBucketName="vectors",
            indexName=deployment.index(dimension),
            vectors=[{"key": "somebody's", "data": data}],
        )

    assessment = evaluate(deployment, timed=20)

    assert assessment.total == 20
    assert {np.mean(figure.trial.faithful) for figure in assessment.figures if figure.trial} == {1.0}


def test_nothing_stored_says_what_to_do(deployment: Deployment) -> None:
    """Embed something."""
    with pytest.raises(
        BadSetting, match=r"There are no vectors in vectors/embeddings-3072d\. Embed something"
    ):
        evaluate(deployment)


def test_a_deployment_that_is_not_set_up_says_so(empty: Deployment) -> None:
    """There is no ledger table."""
    with pytest.raises(BadSetting, match="There is no table 'ledger'. Run setup_embeddings"):
        evaluate(empty)


def test_one_source_has_nothing_to_find(deployment: Deployment) -> None:
    """Unless there are texts to look for it with."""
    documents = [describe(index=number) for number in range(3)]
    put(deployment, documents, make_matrix(3))

    with pytest.raises(BadSetting, match="All vectors are of one source"):
        evaluate(deployment)
    assert evaluate(deployment, texts=["cats"], timed=1).find("256d").recall.value == 1.0


def test_the_active_space_is_evaluated(deployment: Deployment) -> None:
    """The one that the pointer names, after a cutover."""
    both = TwoSpaces(deployment).fill(12)
    registry = open_registry(deployment)
    registry.build(NEXT, {})
    stock_corpus(deployment, 20)  # into the old one
    registry.cut_over(NEXT.name, keep_days=1, force=True)

    assessment = evaluate(deployment, timed=1)

    assert (assessment.space, assessment.total) == (both.new.store.space.name, 12)


def test_vectors_of_another_space_are_refused(deployment: Deployment) -> None:
    """Distances between two models' vectors mean nothing."""
    other = Space(NOVA_NEXT, "test").name
    documents = [{**describe(f"s3://media/{number}.txt"), "space": other} for number in range(5)]
    put(deployment, documents, make_matrix(5))

    with pytest.raises(IndexMismatch, match=f"not of '{make_settings().space.name}'"):
        evaluate(deployment)


@pytest.mark.parametrize(
    ("name", "value"),
    [("sample", 0), ("queries", 1001), ("shortlist", 9), ("shortlist", 1001), ("timed", -1)],
)
def test_an_extent_has_bounds(name: str, value: int) -> None:
    """Named in the message."""
    with pytest.raises(BadSetting, match=f"{name} is {value}; it can be"):
        Extent(**{name: value})
