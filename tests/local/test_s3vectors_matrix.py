"""The rows behind an index behave like a dictionary of vectors, whatever is put and deleted in whatever order."""

from __future__ import annotations

import threading

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_mme_local.s3vectors.matrix import FIRST_CAPACITY, Matrix

NAMES = st.sampled_from([f"k{n}" for n in range(12)])
STEPS = st.lists(
    st.one_of(st.tuples(st.just("put"), NAMES), st.tuples(st.just("delete"), NAMES)), max_size=60
)


def row(value: float) -> np.ndarray:
    return np.array([[value, 1.0]], np.float32)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_puts_and_deletes_are_those_of_a_dictionary(steps: list[tuple[str, str]]):
    """Keys, rows, metadata and order of arrival survive any sequence of puts and deletes."""
    matrix, expected = Matrix(2, cosine=False), dict[str, int]()
    for number, (step, key) in enumerate(steps):
        if step == "put":
            matrix.put([key], row(number), [{"n": number}])
            expected[key] = number
        else:
            matrix.delete([key])
            expected.pop(key, None)
    records, more = matrix.scan(0, segment=0, segments=1, limit=100, data=True)
    assert not more
    assert [(record.key, record.metadata, record.data.tolist()) for record in records] == [
        (key, {"n": number}, [number, 1.0]) for key, number in expected.items()
    ]
    ranking = matrix.search(np.zeros(2, np.float32), 100)
    assert list(ranking.keys) == sorted(expected, key=expected.__getitem__)


def test_the_matrix_grows():
    """Beyond the first capacity all rows are still there, in order and as they were."""
    count = 3 * FIRST_CAPACITY
    matrix = Matrix(2, cosine=False)
    for number in range(count):
        matrix.put([f"k{number}"], row(number), [None])
    assert len(matrix) == count
    ranking = matrix.search(np.array([0, 1], np.float32), count)
    assert ranking.distances.tolist() == list(range(count))


def test_a_record_is_a_copy():
    """What was found does not change when the vector is replaced."""
    matrix = Matrix(2, cosine=True)
    matrix.put(["k"], row(1), [None])
    [found] = matrix.find(["k"], data=True)
    matrix.put(["k"], row(2), [None])
    assert found.data.tolist() == [1.0, 1.0]


def test_searches_and_writes_do_not_disturb_each_other():
    """While vectors come and go, every search sees whole rows: the one vector that stays is always found."""
    matrix = Matrix(64, cosine=True)
    rows = np.random.default_rng(1).standard_normal((400, 64)).astype(np.float32)
    matrix.put(["stays"], rows[:1], [None])
    done = threading.Event()

    def write() -> None:
        for start in range(1, 400, 3):
            keys = [f"k{n}" for n in range(start, start + 3)]
            matrix.put(keys, rows[start : start + 3], [None] * 3)
            matrix.delete(keys[:2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    searches = 0
    while not done.is_set() or searches < 10:
        ranking = matrix.search(rows[0], 5)
        assert ranking.keys[0] == "stays"
        assert ranking.distances[0] < 1e-6
        searches += 1
    writer.join()
    assert len(matrix) == 1 + 133
