"""A backfill run's page: what it did, what it spent, what the gate says, and how every space stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nova_mme.migration.campaign import Progress
from nova_mme.report import Report
from nova_mme.source import S3Uri
from nova_mme.status import SpaceStatus, render_spaces


@dataclass(slots=True)
class BackfillReport:
    """Everything that a run's page tells; what the run did not come to is None.

    :ivar estimate: the summary of an :class:`nova_mme.migration.estimate.Estimate`, and its page.
    :ivar planned: ``space``, ``due``, ``taken``, ``left``, ``over_budget``.
    :ivar verdict: the gate's summary, and its page.
    :ivar failed_tasks: tasks of the run that failed, but for those of shards.
    :ivar cut_over_to: the space that searches read since this run.
    :ivar did: other action -> what came of it.
    """

    action: str
    spaces: Sequence[SpaceStatus]
    estimate: Mapping[str, Any] | None = None
    planned: Mapping[str, Any] | None = None
    progress: Progress | None = None
    outcomes: Report | None = None
    verdict: Mapping[str, Any] | None = None
    failed_tasks: Sequence[str] = ()
    cut_over_to: str | None = None
    did: Mapping[str, Any] = field(default_factory=dict)

    def summarize(self, page_uri: str) -> dict[str, Any]:
        """A small document for XCom."""
        outcomes = self.outcomes
        return {
            "action": self.action,
            "page_uri": page_uri,
            "estimate": self.estimate
            and {name: value for name, value in self.estimate.items() if name not in ("body", "subject")},
            "planned": self.planned,
            "progress": self.progress and self.progress.summarize(),
            "stored": outcomes.statuses["stored"] + outcomes.statuses["partial"] if outcomes else 0,
            "failed": outcomes.failed if outcomes else 0,
            "outcomes": outcomes and outcomes.summarize(page_uri),
            "verdict": self.verdict,
            "cut_over_to": self.cut_over_to,
            "did": dict(self.did),
            "failed_tasks": list(self.failed_tasks),
            "spaces": [status.summarize() for status in self.spaces],
        }

    def render(self) -> str:
        """The page as Markdown."""
        lines = [f"# {self.action} of embeddings", "", *self._facts()]
        if self.outcomes:
            lines += ["", "## What became of the sources", "", *self.outcomes.render_body()]
        return "\n".join([*lines, "", "## Spaces", "", render_spaces(self.spaces)])

    def _facts(self) -> list[str]:
        lines = [f"* **the task {name} failed**; its log says why" for name in self.failed_tasks]
        if self.estimate and "sources" in self.estimate:
            told = self.estimate
            lines.append(
                f"* estimated: {told['sources']:,} sources for ${told['usd']:,.2f}; see {told['page_uri']}"
            )
        if self.planned:
            told = self.planned
            over = told.get("over_budget")
            lines.append(
                f"* taken up: {told['taken']:,} of {told['due']:,} that were due in {told['space']}"
                + (f"; {over:,} cost more than what is left of max_cost_usd" if over else "")
            )
        if self.progress:
            lines.append(f"* all runs of this backfill so far: {self.progress.tell()}")
        if self.verdict:
            passed = "passed" if self.verdict["passed"] else "**did not pass**"
            lines.append(f"* the gate of {self.verdict['space']} {passed}; see {self.verdict['page_uri']}")
            lines += [f"  * {_plain(reason)}" for reason in self.verdict.get("reasons", ())]
        if self.cut_over_to:
            lines.append(f"* searches read **{self.cut_over_to}** now")
        lines += [f"* {name.replace('_', ' ')}: {told}" for name, told in self.did.items() if told]
        return lines or ["* nothing was done"]

    def write(self, s3: Any, folder: S3Uri) -> str:
        """Keep the page in the run's folder; returns its URI."""
        page = folder.join("report.md")
        s3.put_object(
            Bucket=page.bucket,
            Key=page.key,
            Body=self.render().encode(),
            ContentType="text/markdown; charset=utf-8",
        )
        return str(page)


def _plain(text: str) -> str:
    # The gate's sentences quote names of files, which are untrusted: no line, markup or tag of their own.
    one_line = re.sub("[\x00-\x1f\x7f\u2028\u2029]+", " ", text)
    return re.sub(r"([\\`*\[\]])", r"\\\1", one_line).replace("<", "&lt;")
