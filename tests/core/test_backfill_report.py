"""A backfill's page and summary: what was done, what it cost, what the gate says, how the spaces stand."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from core.deployment import Deployment

from nova_mme.errors import Reason
from nova_mme.migration.backfill_report import BackfillReport
from nova_mme.migration.campaign import Progress
from nova_mme.modality import Modality
from nova_mme.outcome import Outcome
from nova_mme.report import Report
from nova_mme.source import S3Uri
from nova_mme.space import NOVA_MODEL_ID, Space
from nova_mme.space_member import Member, State
from nova_mme.status import Coverage, SpaceStatus

_SPACES = [
    SpaceStatus(Member(Space(NOVA_MODEL_ID), State.ACTIVE), {Modality.TEXT: Coverage(3, 3, segments=9)}),
    SpaceStatus(Member(Space("amazon.next-v2:0", first=False), State.BUILDING)),
]
_ESTIMATE = {
    "sources": 1200,
    "usd": 5.04,
    "page_uri": "s3://output/estimate.md",
    "subject": "Embed 1,200 sources?",
    "body": "A long table.",
}
_PLANNED = {"space": "next-v2-0", "campaign": "c", "due": 1200, "taken": 4, "left": 1196, "over_budget": 0}
_FAILED = {
    "passed": False,
    "space": "next-v2-0",
    "page_uri": "s3://output/gate.html",
    "reasons": ["2 sources are missing.", "Recall is low."],
}


def make_outcomes() -> Report:
    """Of four sources: two stored, one of them in part; one failed, and one left for want of money."""
    report = Report("backfill", {"new": 4})
    report.add(
        [
            Outcome("s3://media/a.txt", "stored", {"TEXT": 3}),
            Outcome("s3://media/b.txt", "partial", {"TEXT": 2}, 1, Reason.BAD_SEGMENT),
            Outcome.of_failure("s3://media/c.txt", Reason.EMPTY, "The file is empty."),
            Outcome("s3://media/d.txt", "left", message="max_cost_usd is spent."),
        ]
    )
    return report


def make_report(**changes: Any) -> BackfillReport:
    """A run that came to its gate, which did not pass."""
    whole: dict[str, Any] = {
        "estimate": _ESTIMATE,
        "planned": _PLANNED,
        "progress": Progress(1200, 2, 1, spent_usd=0.25, limit_usd=1.0, seconds=30, stopped=True),
        "outcomes": make_outcomes(),
        "verdict": _FAILED,
    }
    return BackfillReport("backfill", _SPACES, **{**whole, **changes})


def test_the_page_tells_the_whole_story() -> None:
    """In this order: estimate, what was taken, how far all runs are, the gate and why, sources, spaces."""
    page = make_report().render()

    told = [
        "# backfill of embeddings",
        "* estimated: 1,200 sources for $5.04; see s3://output/estimate.md",
        "* taken up: 4 of 1,200 that were due in next-v2-0\n",
        "* all runs of this backfill so far: 2 of 1,200 sources done (0%), 1 failed, 1,197 left; $0.25 of $1.00",
        "* the gate of next-v2-0 **did not pass**; see s3://output/gate.html\n  * 2 sources are missing.\n",
        "  * Recall is low.",
        "## What became of the sources",
        "* taken up: 4; 1 failed, 1 left, 1 partial, 1 stored",
        "| `s3://media/c.txt` | empty_file | The file is empty. |",
        "## Spaces",
        "**nova-2-mme-v1-0** (active)",
        "| text | 3 | 3 (100.0%) |",
        "**next-v2-0** (building)",
    ]
    places = [page.find(line) for line in told]
    assert -1 not in places
    assert places == sorted(places)


def test_what_is_too_dear_is_told() -> None:
    """A plan that stopped for the money looks otherwise as if it had just taken its share."""
    page = make_report(planned={**_PLANNED, "over_budget": 1196}).render()

    assert "were due in next-v2-0; 1,196 cost more than what is left of max_cost_usd\n" in page


def test_a_cutover_is_told() -> None:
    """With the gate that has passed, and what was deleted."""
    passed = {**_FAILED, "passed": True, "reasons": []}
    page = make_report(
        verdict=passed, cut_over_to="next-v2-0", did={"retire": ["old"], "abandon": None}
    ).render()

    assert (
        "* the gate of next-v2-0 passed; see s3://output/gate.html\n* searches read **next-v2-0** now\n"
        in page
    )
    assert "* retire: ['old']" in page
    assert "abandon" not in page


def test_a_failed_task_comes_first() -> None:
    """Whoever reads the page need not look for it."""
    page = make_report(failed_tasks=["plan", "judge"]).render()

    assert page.startswith(
        "# backfill of embeddings\n\n* **the task plan failed**; its log says why\n* **the task judge"
    )


@pytest.mark.parametrize("estimate", [None, {}, {"target": "x"}])
def test_a_run_that_did_nothing_says_so(estimate: dict[str, Any] | None) -> None:
    """The spaces are told of all the same."""
    page = BackfillReport("rollback", _SPACES, estimate=estimate).render()

    assert page.startswith(
        "# rollback of embeddings\n\n* nothing was done\n\n## Spaces\n\n**nova-2-mme-v1-0**"
    )


def test_names_of_files_do_not_shape_the_page() -> None:
    """The gate's sentences quote them."""
    verdict = {**_FAILED, "reasons": ["Missing: s3://media/a\n# b.txt, [x](http://y) <script>`*c*"]}

    page = make_report(verdict=verdict).render()

    assert r"  * Missing: s3://media/a # b.txt, \[x\](http://y) &lt;script>\`\*c\*" in page


def test_the_summary_is_a_small_document() -> None:
    """Of plain values for XCom; the estimate's table stays on its page."""
    told = make_report(cut_over_to="next-v2-0", did={"retire": []}).summarize("s3://output/report.md")

    assert orjson.loads(orjson.dumps(told)) == told
    assert (told["action"], told["page_uri"]) == ("backfill", "s3://output/report.md")
    assert told["estimate"] == {"sources": 1200, "usd": 5.04, "page_uri": "s3://output/estimate.md"}
    assert (told["planned"], told["verdict"], told["cut_over_to"]) == (_PLANNED, _FAILED, "next-v2-0")
    assert (told["progress"]["done"], told["progress"]["stopped"]) == (2, True)
    assert (told["stored"], told["failed"], told["outcomes"]["sources"]) == (2, 1, 4)
    assert [space["space"] for space in told["spaces"]] == ["nova-2-mme-v1-0", "next-v2-0"]


def test_the_summary_of_a_run_that_did_nothing_is_empty() -> None:
    """What it did not come to is null, and counts are zero."""
    told = BackfillReport("rollback", [], failed_tasks=["choose"]).summarize("s3://output/report.md")

    assert {name for name, value in told.items() if value is None} == {
        "estimate",
        "planned",
        "progress",
        "outcomes",
        "verdict",
        "cut_over_to",
    }
    assert (told["stored"], told["failed"], told["failed_tasks"]) == (0, 0, ["choose"])


def test_the_page_is_kept(buckets: Deployment) -> None:
    """In the run's folder, as Markdown in UTF-8."""
    report = make_report(did={"retire": ["ünï"]})

    uri = report.write(buckets.s3, S3Uri.parse("s3://output/nova/runs/backfill_embeddings/r1"))

    assert uri == "s3://output/nova/runs/backfill_embeddings/r1/report.md"
    kept = buckets.s3.get_object(Bucket="output", Key="nova/runs/backfill_embeddings/r1/report.md")
    assert kept["Body"].read().decode() == report.render()
    assert kept["ContentType"] == "text/markdown; charset=utf-8"
