"""All spaces of a deployment compared and mended: what was deleted has to go from each that still exists.

Searches read the active space only, yet a rollback would bring back what a kept one still held. Each space has
ledger, indexes and findings of its own; the bucket is listed once for all.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from nova_mme.errors import BadSetting
from nova_mme.ledger import Ledger
from nova_mme.reconcile.comparison import Comparison, Listing
from nova_mme.reconcile.finding import Findings
from nova_mme.reconcile.part import Part
from nova_mme.reconcile.repair import Repair, weigh
from nova_mme.settings import Settings
from nova_mme.source import S3Uri
from nova_mme.space import Space
from nova_mme.space_member import Member, State
from nova_mme.space_registry import SpaceRegistry
from nova_mme.store import VectorStore

log = logging.getLogger(__name__)

_ABOUT = {
    State.BUILDING: "Of the space `{}`, which is being built: what is to be stored again there, the next run of "
    "`backfill_embeddings` stores.",
    State.KEPT: "Of the space `{}`, which is kept: holes and stale vectors were not looked for, since nothing is "
    "stored in it.",
}


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Goes over every space that is not being deleted, the active one first.

    Of a kept space only departed sources and orphans are found and mended. Nothing is stored there, so a source that
    is opened again would stay so; should a rollback make the space active, the next reconciliation looks for the rest.
    """

    settings: Settings
    s3: Any
    registry: SpaceRegistry
    store_of: Callable[[Space], VectorStore]
    ledger_of: Callable[[Space], Ledger]

    def compare(self, folder: S3Uri, *, check_versions: bool, allowed: float) -> list[Part]:
        """Compare every space, and keep what is found: of the active one in ``folder``, of others below it by name.

        Memory is that of one space's comparison, and 8 bytes for each object of the bucket.

        :param allowed: see :func:`nova_mme.reconcile.repair.weigh`.
        :raises BadSetting: when an index of the active space is missing. Another space's trouble is its part's own.
        """
        members = sorted(self.registry.read().members.values(), key=_rank)
        listing = Listing.take(self.settings, self.s3)
        parts = [
            self._compare(member, folder, listing=listing, check_versions=check_versions, allowed=allowed)
            for member in members
            if member.state is not State.DELETING
        ]
        return [part for part in parts if part]

    def _compare(
        self, member: Member, folder: S3Uri, *, listing: Listing, check_versions: bool, allowed: float
    ) -> Part | None:
        name, state = member.space.name, member.state
        place = folder if state is State.ACTIVE else folder.join(name)
        with Findings(_ABOUT.get(state, "").format(name)) as findings:
            try:
                self._open_comparison(member, check_versions).run(findings, listing)
                problem = ""
            except BadSetting as error:
                if state is State.ACTIVE:
                    raise
                if self._find(name) is None:
                    return None
                # Registered comes before made: without a row there is nothing yet that could be missing.
                problem = str(error) if findings.tally["sources"] else ""
            page = findings.keep(self.s3, place)
            log.info("%s (%s)\n%s", name, state, findings.render())
        objections = [] if problem else _object(member, findings.tally, allowed)
        return Part(name, state, str(place), page, dict(findings.tally), objections, problem)

    def _open_comparison(self, member: Member, check_versions: bool) -> Comparison:
        store, ledger = self.store_of(member.space), self.ledger_of(member.space)
        kept = member.state is State.KEPT
        return Comparison(self.settings, self.s3, store, ledger, check_versions, only_deletions=kept)

    def mend(self, parts: Iterable[Part]) -> dict[str, dict[str, int]]:
        """Mend what was found; returns :attr:`nova_mme.reconcile.repair.Repair.done` by space.

        Whoever became what else meanwhile is treated as what it is now; who is being deleted is left alone.
        """
        done = ((part.space, self._mend(part)) for part in parts if not part.problem)
        return {name: dict(counts) for name, counts in done if counts is not None}

    def _mend(self, part: Part) -> Counter[str] | None:
        member = self._find(part.space)
        if member is None:
            return None
        store, ledger = self.store_of(member.space), self.ledger_of(member.space)
        kept = member.state is State.KEPT
        repair = Repair(self.settings, self.s3, store, ledger, only_deletions=kept)
        try:
            return repair.run(S3Uri.parse(part.folder))
        except ClientError:
            if self._find(part.space):
                raise
            return None  # its indexes went meanwhile, and with them what was to be deleted

    def _find(self, name: str) -> Member | None:
        """The space as it is now; None when it is gone, or on its way out."""
        member = self.registry.read().members.get(name)
        if member is None or member.state is State.DELETING:
            log.info("The space %s is being deleted, and left alone.", name)
            return None
        return member


def _rank(member: Member) -> tuple[bool, str]:
    """The active space first, the others by name."""
    return member.state is not State.ACTIVE, member.space.name


def _object(member: Member, tally: Counter[str], allowed: float) -> list[str]:
    where = "" if member.state is State.ACTIVE else f"In the space {member.space.name} ({member.state}), "
    return [where + sentence for sentence in weigh(tally, allowed)]
