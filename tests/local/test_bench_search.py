"""The bench of searches: its table, and that what it measures are searches."""

from __future__ import annotations

from nova_mme_local.bench.search import MAIN, Crowd, Figures, open_deployment, tabulate
from nova_mme_local.server import LocalAws


def test_the_table_judges_the_hierarchical_search() -> None:
    """By the client's CPU alone."""
    runs = [Figures(MAIN, 9.9, 300.0, 400.0), Figures("flat 256", 99.0, 1.0, 1.0)]

    head, main, flat, crowd = tabulate(runs, Crowd(50, 2.0, 12.0))

    assert "client CPU ms" in head
    assert main.endswith("CPU <= 10 ms  pass")
    assert flat.split() == ["flat", "256", "99.0", "1.0", "1.0"]
    assert crowd.split(": ")[1] == "2.00 s in all, 25 searches/s, 12.0 ms of client CPU each"
    assert next(
        line for line in tabulate([Figures(MAIN, 10.1, 1, 1)], Crowd(50, 2.0, 12.0)) if MAIN in line
    ).endswith("FAIL")


def test_every_way_finds_ten_sources() -> None:
    """On the deployment that it fills."""
    with LocalAws() as aws:
        search, ways = open_deployment(aws.url, vectors=300)
        assert {len(search(way).results) for way in ways.values()} == {10}
