"""A backfill's money on local AWS: a campaign that pays for what a deployment's shards start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.deployment import Deployment

from nova_mme.migration.campaign import Campaign, Progress
from nova_mme.migration.meter import Meter
from nova_mme.migration.price import Prices
from nova_mme.shard import Shard
from nova_mme.source import Source

START = "bedrock-runtime.StartAsyncInvoke"
# A text of any size that occurs here costs less than a cent, a page just one dollar.
_PRICES = {"text_million_tokens": 1_000_000, "token_bytes": 1_000_000, "page": 1}


def refuse(code: str = "ValidationException", times: int = 1, status: int = 400) -> dict[str, Any]:
    """A fault: so many starts are refused."""
    return {"operation": START, "code": code, "status": status, "times": times}


@dataclass
class Purse:
    """A campaign of a deployment, and what it pays for."""

    deployment: Deployment

    @property
    def campaign(self) -> Campaign:
        """The campaign."""
        return Campaign(self.deployment.dynamodb, "ledger", "backfill_embeddings/r1")

    @property
    def meter(self) -> Meter:
        """A meter as a task makes one."""
        return Meter(self.campaign, Prices.read(_PRICES))

    @property
    def told(self) -> Progress:
        """How far the campaign is."""
        return self.campaign.progress()

    def fill(self, usd: float | None) -> None:
        """Let so much be spent."""
        self.campaign.open(10, limit_usd=usd)

    def submit(self, shard: Shard, **options: Any) -> list[str]:
        """Start the shard's jobs on its costs."""
        return self.deployment.submit(shard, meter=self.meter, **options)


def price(*sources: Source) -> float:
    """What texts cost: a dollar for each million bytes."""
    return sum(source.size for source in sources) / 1e6
