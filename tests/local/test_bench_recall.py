"""The bench of exact rankings: its table, and that both ways compute the same scores."""

from __future__ import annotations

import numpy as np
import pytest

from nova_mme_local.bench.recall import Figures, compare, multiply_apart, multiply_nested, tabulate


def test_the_table_judges_the_ratio() -> None:
    """Of four products to the nested one."""
    assert "1.50 times, >= 1.3  pass" in tabulate(Figures(0.2, 0.3, 0.5))
    assert "1.00 times, >= 1.3  FAIL" in tabulate(Figures(0.3, 0.3, 0.5))


def test_both_ways_have_the_same_scores() -> None:
    """At every dimension."""
    matrix = np.random.default_rng(0).standard_normal((50, 3072), dtype=np.float32)

    assert multiply_nested(matrix[:3], matrix) == pytest.approx(multiply_apart(matrix[:3], matrix), rel=1e-5)


def test_it_measures() -> None:
    """All three take time."""
    figures = compare(300, 5)

    assert min(figures.nested, figures.apart, figures.ranking) > 0
