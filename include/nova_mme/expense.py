"""What the model has cost so far, as far as the ledger can tell."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from nova_mme.migration.load import measure
from nova_mme.migration.price import Prices
from nova_mme.modality import Modality
from nova_mme.row import Row
from nova_mme.space_member import Spaces


@dataclass(slots=True)
class Expenses:
    """Dollars by space and modality, from the rows whose jobs were started.

    A lower bound: each source counts once, at today's price of its last version. Further attempts, of which no row
    tells whether they got as far as a job, earlier versions and deleted spaces come on top. A row tells no more of its recipe than a fingerprint: one
    that is not in force is measured as if it were.

    :ivar rough: whether a figure rests on a file's size and an assumed rate, for want of a stored length.
    """

    spaces: Spaces
    prices: Prices
    rough: bool = False
    _usd: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))

    def count(self, row: Row) -> None:
        """Take up a row."""
        member = self.spaces.members.get(row.space)
        if member is None or not row.invocation_arn or row.modality not in set(Modality):
            return
        load = measure(row.source, member.recipe(Modality(row.modality)), self.prices, row)
        self.rough = self.rough or load.rough
        self._usd[row.space, row.modality] += load.usd

    def summarize(self) -> dict[str, Any]:
        """For JSON: ``usd``, and the same ``by_space`` and ``by_modality``, with the date and source of the prices."""
        by_space: dict[str, float] = defaultdict(float)
        by_modality: dict[str, float] = defaultdict(float)
        for (space, modality), usd in self._usd.items():
            by_space[space] += usd
            by_modality[modality] += usd
        return {
            "usd": round(sum(self._usd.values()), 6),
            "by_space": {name: round(usd, 6) for name, usd in sorted(by_space.items())},
            "by_modality": {name: round(usd, 6) for name, usd in sorted(by_modality.items())},
            "rough": self.rough,
            "as_of": self.prices.as_of,
            "source": self.prices.source,
        }
