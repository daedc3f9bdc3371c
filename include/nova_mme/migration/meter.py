"""What a source costs, charged to a campaign before its job is started, when its real length is known."""

from __future__ import annotations

from dataclasses import dataclass

from nova_mme.migration.campaign import Campaign
from nova_mme.migration.load import measure
from nova_mme.migration.price import Prices
from nova_mme.modality import Modality
from nova_mme.preflight.content import Inspection
from nova_mme.recipe import Recipe
from nova_mme.source import Source


@dataclass(frozen=True, slots=True)
class Meter:
    """Charges a campaign."""

    campaign: Campaign
    prices: Prices

    def charge(self, source: Source, recipe: Recipe, found: Inspection, renditions: int) -> float:
        """Take what a source costs; returns it, in dollars.

        :param renditions: how many jobs it means: one, or one per page.
        :raises BudgetSpent: when the campaign may not spend it any more; nothing was taken.
        """
        usd = price_found(source, recipe, found, renditions, self.prices)
        self.campaign.spend(usd)
        return usd

    def refund(self, usd: float) -> None:
        """Give it back: the job was not started."""
        self.campaign.give_back(usd)


def price_found(source: Source, recipe: Recipe, found: Inspection, renditions: int, prices: Prices) -> float:
    """What the model costs, in dollars, by what preflight has found; a length that no header tells, by the size."""
    if found.seconds is not None and recipe.modality is Modality.VIDEO:
        return found.seconds * prices.video_second
    if found.seconds is not None and recipe.modality is Modality.AUDIO:
        return found.seconds * prices.audio_second
    if found.media_format == "pdf":
        return renditions * prices.page
    return measure(source, recipe, prices).usd
