"""The gate before a cutover: whether searches may read the new space instead of the old one.

Three questions: is everything there, are the vectors sound, and do the two spaces find much the same? It changes
nothing. A failed gate says what is wrong, by how much, and what to do.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from nova_mme.errors import BadSetting
from nova_mme.migration import query_set
from nova_mme.migration.agreement import Agreement
from nova_mme.migration.coverage import NAMED, Coverage, CoverageCheck, Side
from nova_mme.migration.draw import Draw
from nova_mme.migration.neighbours import AgreementCheck
from nova_mme.migration.norms import NormCheck, Norms
from nova_mme.migration.verdict import Bars, Verdict
from nova_mme.reconcile.comparison import Comparison
from nova_mme.reconcile.finding import Finding, Findings, Kind
from nova_mme.row import Row
from nova_mme.settings import Settings

log = logging.getLogger(__name__)

# Some of what is drawn turns out to have no vector of that key in one of the spaces.
_SPARE = 2


class NamedFindings(Findings):
    """Findings that remember the first twenty holes and stale sources by name."""

    def __init__(self) -> None:
        super().__init__()
        self.named: list[Finding] = []
        self._count: Counter[Kind] = Counter()

    def add(self, finding: Finding) -> None:
        """Take one up."""
        super().add(finding)
        self._count[finding.kind] += 1
        if finding.kind in (Kind.HOLE, Kind.STALE) and self._count[finding.kind] <= NAMED:
            self.named.append(finding)


@dataclass(frozen=True, slots=True)
class Gate:
    """What is asked, of whom, and how strictly.

    :ivar bedrock: a boto3 ``bedrock-runtime`` client; called for the queries of a file only.
    :ivar queries_uri: a file of queries, see :func:`nova_mme.migration.query_set.read`; empty: they are drawn from
        what both spaces hold.
    :ivar since: epoch seconds when the last catch-up began, None for now: what changed after it and is not in the
        new space yet is in motion, not missing.
    :ivar seed: of the samples; the same one looks at the same vectors and sources again.
    """

    settings: Settings
    old: Side
    new: Side
    s3: Any
    bedrock: Any
    bars: Bars = field(default_factory=Bars)
    queries_uri: str = ""
    since: float | None = None
    seed: int = 0

    def run(self) -> Verdict:
        """Ask the three questions, and judge.

        Memory is that of a reconciliation, 25 bytes per source of the new space, and of the samples.

        :raises BadSetting: for a query set that cannot be used, an index that is missing, two equal spaces.
        :raises IndexMismatch: when the new indexes hold another space's vectors.
        """
        names = (self.old.store.space.name, self.new.store.space.name)
        if names[0] == names[1]:
            raise BadSetting(f"The gate compares two spaces, and was given {names[0]!r} twice.")
        started = time.time()
        given = query_set.read(self.s3, self.queries_uri) if self.queries_uri else []
        coverage = self._cover()
        tally, named = self._compare()
        norms = self._measure()
        agreement = self._ask(coverage, given)
        verdict = Verdict(
            *names,
            bars=self.bars,
            coverage=coverage,
            tally=tally,
            named=named,
            norms=norms,
            agreement=agreement,
            started=int(started),
            seconds=round(time.time() - started, 1),
        )
        log.info("Gate: %s", verdict.summarize())
        return verdict

    def _cover(self) -> Coverage:
        draw: Draw[Row] = Draw(_SPARE * self.bars.queries, self.seed)
        return CoverageCheck(self.settings, self.s3, self.old, self.new, draw, self.since).run()

    def _compare(self) -> tuple[dict[str, int], list[Finding]]:
        findings = NamedFindings()
        with findings:
            Comparison(self.settings, self.s3, self.new.store, self.new.ledger).run(findings)
        return dict(findings.tally), findings.named

    def _measure(self) -> dict[int, Norms]:
        return NormCheck(self.new, self.bars.max_norm_error, self.bars.norm_sample, self.seed).run()

    def _ask(self, coverage: Coverage, given: list[query_set.GivenQuery]) -> Agreement:
        queries: list[query_set.Query] = [*given]
        if not self.queries_uri:
            queries += query_set.draw(coverage.drawn, self.new, self.bars.queries)
        check = AgreementCheck(self.old, self.new, self.s3, self.bedrock)
        return check.run(queries, sources=coverage.present, given=bool(given))
