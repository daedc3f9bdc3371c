"""What a source costs, by what preflight has found of it, and the campaign that pays."""

from __future__ import annotations

import pytest
from core.builders import make_source
from core.deployment import Deployment

from nova_mme.errors import BudgetSpent
from nova_mme.migration.campaign import Campaign
from nova_mme.migration.meter import Meter, price_found
from nova_mme.migration.price import PRICES, Prices
from nova_mme.modality import Modality
from nova_mme.preflight.content import Inspection
from nova_mme.recipe import Recipe

_TEXT, _IMAGE, _VIDEO, _AUDIO, _DOCUMENT = (Recipe.standard(modality) for modality in Modality)


@pytest.mark.parametrize(
    ("key", "recipe", "found", "renditions", "usd"),
    [
        ("film.mp4", _VIDEO, Inspection("mp4", "", 6, 7200.0), 1, 5.04),
        ("film.mp4", _VIDEO, Inspection("mp4", "", 6, 0.0), 1, 0.0),
        ("talk.mp3", _AUDIO, Inspection("mp3", "", 6, 7200.0), 1, 1.008),
        ("book.pdf", _DOCUMENT, Inspection("pdf", "", 32_000), 1000, 0.06),
        ("cat.png", _IMAGE, Inspection("png", ""), 1, 0.00006),
        ("a.txt", _TEXT, Inspection("text", "", 32_000), 1, 0.135),
    ],
    ids=["video", "empty video", "sound", "pdf", "image", "text"],
)
def test_the_price_is_that_of_what_was_found(
    key: str, recipe: Recipe, found: Inspection, renditions: int, usd: float
) -> None:
    """Seconds of a recording, pages of a PDF, bytes of a text: here four million, a million tokens."""
    source = make_source(key, size=4_000_000)

    assert price_found(source, recipe, found, renditions, PRICES) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("key", "recipe"), [("film.mkv", _VIDEO), ("talk.ogg", _AUDIO), ("a.docx", _DOCUMENT)]
)
def test_where_nothing_tells_the_price_is_that_of_the_size(key: str, recipe: Recipe) -> None:
    """A recording without a length in its headers is not for nothing; nor is a document's text."""
    prices = Prices.read({"video_byte_rate": 1000, "audio_byte_rate": 1000})
    expected = {
        Modality.VIDEO: 60 * PRICES.video_second,
        Modality.AUDIO: 60 * PRICES.audio_second,
        Modality.DOCUMENT: 15_000 * PRICES.text_million_tokens / 1e6,
    }

    usd = price_found(make_source(key, size=60_000), recipe, Inspection("x", ""), 1, prices)

    assert usd == pytest.approx(expected[recipe.modality])


def test_a_campaign_pays(empty: Deployment) -> None:
    """By its own prices; what it cannot pay is not taken, and what is given back is there again."""
    empty.ledger.ensure()
    campaign = Campaign(empty.dynamodb, "ledger", "backfill_embeddings/r1")
    campaign.open(3, limit_usd=1.5)
    meter = Meter(campaign, Prices.read({"image": 1}))
    source, found = make_source("cat.png"), Inspection("png", "")

    assert meter.charge(source, _IMAGE, found, 1) == 1
    assert campaign.progress().spent_usd == 1
    meter.refund(0.5)
    assert meter.charge(source, _IMAGE, found, 1) == 1
    with pytest.raises(BudgetSpent):
        meter.charge(source, _IMAGE, found, 1)
    assert campaign.progress().spent_usd == 1.5
