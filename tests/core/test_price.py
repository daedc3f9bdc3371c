"""The price table: dated, with its source, and open to a deployment's own figures."""

from __future__ import annotations

from typing import Any

import pytest

from nova_mme.errors import BadSetting
from nova_mme.migration.price import PRICES, Prices


def test_the_published_prices_are_in_the_table() -> None:
    """Two hours of video are $5.04, a million images $60, a million tokens 13.5 cents."""
    assert 7200 * PRICES.video_second == pytest.approx(5.04)
    assert 7200 * PRICES.audio_second == pytest.approx(1.008)
    assert 1_000_000 * PRICES.image == pytest.approx(60)
    assert PRICES.text_million_tokens == 0.135
    assert (PRICES.put_gb, PRICES.put_least_bytes, PRICES.storage_gb_month) == (0.20, 131_072, 0.06)


def test_job_times_lie_within_what_was_told_of_them() -> None:
    """A video of 30 s takes 2 to 5 minutes, one of 2 h 30 to 60."""
    short, long = (PRICES.video_job_seconds + PRICES.video_job_share * length for length in (30, 7200))

    assert 120 <= short <= 300
    assert 1800 <= long <= 3600


def test_without_figures_of_its_own_a_run_has_the_table() -> None:
    """Whether it gives none or an empty set."""
    assert Prices.read() == Prices.read({}) == PRICES


def test_own_figures_go_before_and_are_told() -> None:
    """The others stay; whoever reads the estimate sees which price was set by hand."""
    prices = Prices.read({"video_second": 1, "as_of": "2027-01-31"})

    assert (prices.video_second, prices.audio_second, prices.as_of) == (
        1.0,
        PRICES.audio_second,
        "2027-01-31",
    )
    assert prices.source == f"{PRICES.source}; set here: video_second 1"


def test_an_own_source_is_the_source() -> None:
    """A contract's prices come from the contract."""
    assert Prices.read({"image": 0, "source": "our contract"}).source == "our contract"


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"video": 1}, "'video'.*video_second"),
        ({"image": -0.1}, "image is -0.1"),
        ({"image": "0.1"}, "image is '0.1'"),
        ({"image": True}, "image is True"),
        ({"image": None}, "image is None"),
        ({"image": float("nan")}, "image is nan"),
        ({"token_bytes": 0}, "token_bytes is 0"),
        ({"as_of": 2026}, "as_of is 2026"),
    ],
)
def test_what_is_no_price_is_refused(overrides: dict[str, Any], told: str) -> None:
    """By name, with the value."""
    with pytest.raises(BadSetting, match=told):
        Prices.read(overrides)
