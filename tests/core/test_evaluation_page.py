"""What people read of an evaluation: page, table, JSON, and the sentences in them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import pytest

from nova_mme.evaluation.accuracy import Mean
from nova_mme.evaluation.advice import advise, warn
from nova_mme.evaluation.assessment import Assessment, Figure, Query, choose_ways, dump, name_way
from nova_mme.evaluation.effort import count_bytes, estimate_dollars
from nova_mme.evaluation.evaluation_page import render
from nova_mme.evaluation.evaluation_plot import plot_bytes, plot_time
from nova_mme.evaluation.evaluation_table import render_table, tell_bytes
from nova_mme.evaluation.trial import Trial
from nova_mme.search.request import Strategy, Way

_RECALLS = {
    "256d": 0.9,
    "384d": 0.93,
    "1024d": 0.97,
    "3072d": 1.0,
    "256d > 1024d": 0.96,
    "256d > 3072d": 0.985,
}
_MANY = 50_000_000
_AWS = "https://s3vectors.us-east-1.api.aws"


def _mean(value: float) -> Mean:
    return Mean(value, value - 0.005, min(value + 0.005, 1.0))


def make(recalls: Mapping[str, float] = _RECALLS, *, timed: bool = True, **changes: Any) -> Assessment:
    """An evaluation of 50 million vectors at AWS."""
    figures = [
        Figure(
            name_way(way),
            way,
            _mean(recalls[name_way(way)]),
            0.9,
            Trial([0.1 * number, 0.2 * number], [0.01, 0.01], [0.9, 0.9], [1.0, 1.0]) if timed else None,
        )
        for number, way in enumerate(choose_ways(100), 1)
    ]
    values = {
        "space": "nova-2-mme-v1-0",
        "endpoint": _AWS,
        "started": 1_700_000_000,
        "total": _MANY,
        "taken": _MANY,
        "sources": 1000,
        "queries": 200,
        "given": True,
        "by_chance": 0.0,
        "shortlist": 100,
        "figures": figures,
        "sweep": {
            20: {1024: _mean(0.9), 3072: _mean(0.92)},
            50: {1024: _mean(0.95), 3072: _mean(0.983)},
            100: {1024: _mean(0.96), 3072: _mean(0.985)},
        },
        "worst": [Query("cats", dict(recalls))],
        "seconds": {"read": 1.0},
    }
    return Assessment(**{**values, **changes})


def test_the_cheapest_good_way_is_advised() -> None:
    """Of a large index: the shortlist at 3072, which keeps more than the one at 1024 for the same money."""
    choice, *others = advise(make())

    assert choice.startswith("Choose 256d > 3072d: of the ways that surely keep 0.95 of what 3072d finds")
    assert "It keeps 0.985 and costs $262.30" in choice
    assert "instead of $2,460.10" in choice
    assert "1024d keeps 0.970 (0.965 to 0.975) of what 3072d finds, for a third of the bytes." in others
    assert "256d keeps 0.900 (0.895 to 0.905) of what 3072d finds, for a twelfth of the bytes." in others
    assert any(sentence.startswith("A shortlist of 50 is enough") for sentence in others)
    assert any("cheaper than 3072d from 1.3 million vectors on" in sentence for sentence in others)


def test_a_shortlist_is_judged_by_all_longer_ones() -> None:
    """Also by those that are longer than a small index: they find all of it."""
    sweep = {
        20: {3072: _mean(0.9)},
        50: {3072: _mean(0.967)},
        100: {3072: _mean(1.0)},
        200: {3072: _mean(1.0)},
    }

    sentences = advise(make(total=58, taken=58, sweep=sweep))

    assert any(sentence.startswith("A shortlist of 100 is enough") for sentence in sentences)


def test_a_small_index_has_no_need_of_less() -> None:
    """A thousand vectors: everything costs what a call does."""
    assert advise(make(total=1000, taken=1000))[0].startswith("Choose 3072d: ")


def test_a_way_that_may_be_bad_is_not_advised() -> None:
    """Its mean is good enough, and the lower end of its interval is not."""
    recalls = {**_RECALLS, "256d > 3072d": 0.954, "256d > 1024d": 0.94}

    assert advise(make(recalls))[0].startswith("Choose 1024d: ")


def test_figures_that_can_be_believed_have_no_warning() -> None:
    """Real queries, many of them, all of a large index, at AWS."""
    assert warn(make()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"total": 90, "taken": 90, "by_chance": 0.11}, "90 vectors are too few to choose by"),
        ({"queries": 12}, "12 queries are few"),
        ({"taken": 20_000}, "a sample, 20,000 of 50,000,000 vectors"),
        ({"given": False}, "The queries are stored vectors"),
        ({"endpoint": "http://127.0.0.1:4566"}, "is not AWS: the times say nothing about AWS"),
        ({"endpoint": "https://amazonaws.com.example.org"}, "is not AWS"),
    ],
)
def test_what_makes_figures_doubtful_is_said(changes: dict[str, Any], message: str) -> None:
    """In one sentence each."""
    (sentence,) = warn(make(**changes))

    assert message in sentence


def test_a_service_that_misses_too_much_is_named() -> None:
    """With where to look."""
    assessment = make()
    trial = assessment.find("384d").trial
    assert trial is not None
    trial.faithful[:] = [0.9, 0.9]

    (sentence,) = warn(assessment)

    assert sentence.startswith("What the service finds at 384d is less than 0.95")
    assert "reconcile_embeddings" in sentence


def test_bytes_and_dollars() -> None:
    """4 bytes a number; a shortlist reads the smallest index and its own vectors, and never more than there are."""
    hierarchical = Way(strategy=Strategy.HIERARCHICAL, dimension=1024, shortlist=100)

    assert count_bytes(Way(dimension=384), 1000) == 1_536_000
    assert count_bytes(hierarchical, 1000) == 1_024_000 + 409_600
    assert count_bytes(hierarchical, 10) == 10_240 + 40_960
    # 2.50 for the calls of QueryVectors, 55 for those of GetVectors, 4.096 for 1.024 GB at $0.004 a TB.
    assert estimate_dollars(hierarchical, 1_000_000) == pytest.approx(61.596)
    assert estimate_dollars(Way(dimension=3072), 1_000_000) == pytest.approx(2.5 + 49.152)
    assert [tell_bytes(count) for count in (999, 1500, 12_288_000_000)] == ["999 B", "1.5 kB", "12.3 GB"]


def test_the_page_is_well_formed_and_asks_for_nothing() -> None:
    """No script, no address that is fetched; two plots."""
    page = render(make())

    assert re.findall(r"<script|src=|href=|url\(|@import", page) == []
    assert "default-src 'none'" in page
    plots = re.findall(r"<svg .*?</svg>", page)
    assert len(plots) == 2
    for plot in plots:
        ElementTree.fromstring(plot)
    assert "How long a shortlist" in page
    assert "12.3 GB" not in page
    assert "614 GB" in page


@pytest.mark.parametrize(
    "evil", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a\x1b[31m\u202eb"]
)
def test_names_are_shown_and_never_run(evil: str) -> None:
    """A query's text, the space, the address: on the page escaped, everywhere in one line."""
    assessment = make(worst=[Query(evil, _RECALLS)], endpoint=f"http://x/{evil}", space=evil)

    page, table = render(assessment), render_table(assessment)

    assert "<script" not in page
    assert "<img" not in page
    assert not re.search("[\x1b\u202e]", page + table)


def test_every_way_is_in_both_plots() -> None:
    """With its interval, its mark, and its name."""
    assessment = make()

    for plot in (plot_bytes(assessment), plot_time(assessment)):
        names = [
            element.text
            for element in ElementTree.fromstring(plot)
            if element.get("class", "").startswith("told")
        ]
        assert sorted(map(str, names)) == sorted(_RECALLS)
        assert (plot.count("<circle"), plot.count('class="hierarchical"'), plot.count('class="range"')) == (
            4,
            2,
            6,
        )


def test_points_lie_where_their_figures_are() -> None:
    """More bytes farther right, more recall farther up, and inside the picture."""
    circles = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', plot_bytes(make()))
    across, down = ([float(circle[place]) for circle in circles] for place in (0, 1))

    assert across == sorted(set(across))
    assert down == sorted(set(down), reverse=True)
    assert min(across) > 48
    assert max(across) < 460


@pytest.mark.parametrize("timed", [True, False])
def test_a_search_that_was_not_made_has_no_time(timed: bool) -> None:
    """No plot against time, a dash in the table, none in the JSON."""
    assessment = make(timed=timed)

    assert bool(plot_time(assessment)) == timed
    assert ("time-plot" in render(assessment)) == timed
    assert ("median_ms" in json.loads(dump(assessment))["ways"][0]) == timed
    assert ("-  " in render_table(assessment)) != timed


def test_the_terminal_has_a_line_a_way_and_a_hundred_columns() -> None:
    """In the order of the ways; then what to choose."""
    lines = render_table(make()).splitlines()

    assert [line[2:16].strip() for line in lines[3:9]] == list(_RECALLS)
    assert lines[3].split()[1:5] == ["0.900", "0.895", "to", "0.905"]
    assert max(map(len, lines)) <= 100
    assert "* Choose 256d > 3072d" in render_table(make())
    assert "Before you believe it" not in render_table(make())


def test_json_has_all_figures() -> None:
    """By way, and by length of the shortlist."""
    document = json.loads(dump(make()))

    assert [way["name"] for way in document["ways"]] == list(_RECALLS)
    assert document["ways"][0]["recall"] == {"value": 0.9, "low": 0.895, "high": 0.905}
    assert document["ways"][3]["bytes_read"] == _MANY * 12_288
    assert document["ways"][0]["median_ms"] == pytest.approx(150.0)
    assert document["ways"][0]["served_recall"] == 0.9
    assert [item["shortlist"] for item in document["shortlists"]] == [20, 50, 100]
    assert document["shortlists"][2]["recall"]["3072d"]["value"] == 0.985
