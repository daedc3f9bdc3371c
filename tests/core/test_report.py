"""The report: counts that add up, and a page that no file name can break."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from core.deployment import Deployment

from nova_mme.errors import Reason
from nova_mme.outcome import Outcome
from nova_mme.report import Report, read_plan, write_plan
from nova_mme.source import S3Uri

_FOLDER = S3Uri("output", "runs/embed_video/r1")


def _report(*outcomes: Outcome, **changes: object) -> Report:
    counts = {
        "new": 3,
        "stale_recipe": 1,
        "unchanged": 9,
        "dead_letter": 2,
        "over_limit": 5,
        "unsupported": 1,
    }
    report = Report("video", counts)
    for name, value in changes.items():
        setattr(report, name, value)
    report.add(outcomes)
    return report


def _failed(uri: str = "s3://media/f.mp4", message: str = "The file is empty (0 bytes).") -> Outcome:
    return Outcome.of_failure(uri, Reason.EMPTY, message)


_STORED = Outcome("s3://media/a.mp4", "stored", {"VIDEO": 3, "AUDIO": 2})
_PARTIAL = Outcome(
    "s3://media/b.mp4", "partial", {"VIDEO": 1}, 2, Reason.INVALID_CONTENT.value, "VIDEO 1: broken"
)
_SUPERSEDED = Outcome("s3://media/c.mp4", "superseded", message="A newer version.")


def test_the_summary_adds_up() -> None:
    """Every source once, under what became of it; each segment is a vector in each of the four indexes."""
    summary = _report(_STORED, _PARTIAL, _SUPERSEDED, _failed(), lost=2, seconds=12.34).summarize(
        "s3://output/r.md"
    )

    failures = summary.pop("failures")
    assert summary == {
        "modality": "video",
        "sources": 6,
        "stored": 2,
        "partial": 1,
        "superseded": 1,
        "failed": 3,
        "lost": 2,
        "unchanged": 9,
        "dead_letters": 2,
        "over_limit": 5,
        "unsupported": 1,
        "segments": 6,
        "vectors": {"256": 6, "384": 6, "1024": 6, "3072": 6},
        "notes": 0,
        "building": None,
        "job_seconds": 0.0,
        "jobs_in_flight": 0.0,
        "seconds": 12.3,
        "report_uri": "s3://output/r.md",
    }
    assert [failure["source"] for failure in failures] == ["s3://media/b.mp4", "s3://media/f.mp4"]
    assert failures[1]["next_step"] == Reason.EMPTY.next_step


def test_the_failed_share_counts_the_lost() -> None:
    """Partly stored sources have not failed; lost ones have; nothing due is no failure."""
    assert _report(_STORED, _PARTIAL, _failed(), lost=1).failed_fraction == 0.5
    assert _report().failed_fraction == 0.0


def test_a_summary_stays_small() -> None:
    """It goes through XCom: twenty failures by name, with short messages, however many there are."""
    report = _report(*(_failed(f"s3://media/{n}.mp4", "x" * 5000) for n in range(5000)))

    assert report.summarize("s3://output/r.md")["failed"] == 5000
    assert len(json.dumps(report.summarize("s3://output/r.md"))) < 20_000


def test_the_page_tells_counts_and_failures() -> None:
    """Plan, outcomes, segments by type, and one table row per failure with what to do."""
    page = _report(_STORED, _PARTIAL, _failed(), lost=2, unknown=["s3://media/x.zip"]).render()

    assert "# Embedding run: video" in page
    assert "3 new" in page
    assert "1 stale recipe" in page
    assert "6 (2 AUDIO, 4 VIDEO)" in page
    assert "**2 sources unaccounted for**" in page
    assert "`s3://media/x.zip`" in page
    rows = [line for line in page.splitlines() if line.startswith("| `s3://")]
    assert len(rows) == 2
    assert (
        rows[1]
        == f"| `s3://media/f.mp4` | empty_file | The file is empty (0 bytes). | {Reason.EMPTY.next_step} |"
    )


def test_a_run_without_work_has_a_page() -> None:
    """Nothing found, nothing failed, and no table."""
    page = Report("text", {}).render()

    assert "nothing found" in page
    assert "|" not in page


_HOSTILE = [
    "a|b|c.mp4",
    "a`b``c.mp4",
    "a\n\n# Owned\n.mp4",
    "a\r# Owned.mp4",
    "a\r\n| x | y | z | w |.mp4",
    "<script>alert(1)</script>.mp4",
    "![x](http://127.0.0.1/x.png).mp4",
    "[x](javascript:alert(1)).mp4",
    "\\|\\`.mp4",
    "ünï☕\u2028.mp4",
]


def _columns(line: str) -> int:
    return len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) - 1


@pytest.mark.parametrize("name", _HOSTILE)
def test_no_file_name_breaks_the_page(name: str) -> None:
    """One table row of four cells, one list item, no heading of its own, no markup outside a code span."""
    page = _report(_failed(f"s3://media/{name}"), unknown=[f"s3://media/{name}"]).render()

    lines = re.split("\r\n|\r|\n", page)
    assert [line for line in lines if line.startswith("#")] == ["# Embedding run: video"]
    tables = [line for line in lines if line.startswith("|")]
    assert [_columns(line) for line in tables] == [4, 4, 4]
    assert [line[:1] for line in lines if line and line[0] not in "#|"] == ["*"] * 6
    assert not re.search(r"<script|!\[|\]\(", _outside_code(page))


@pytest.mark.parametrize("name", _HOSTILE)
def test_no_message_breaks_the_page(name: str) -> None:
    """Bedrock's sentences quote the file's name: they are as little to be trusted as it is."""
    page = _report(_failed(message=f"Unable to read s3://media/{name}: NoSuchKey")).render()

    lines = re.split("\r\n|\r|\n", page)
    assert [line for line in lines if line.startswith("#")] == ["# Embedding run: video"]
    assert [_columns(line) for line in lines if line.startswith("|")] == [4, 4, 4]
    assert not re.search(r"<script|(?<!\\)!\[|(?<!\\)\]\(", _outside_code(page))


def _outside_code(page: str) -> str:
    return re.sub(r"`[^`]*`", "", page)


def test_the_report_is_kept_whole(buckets: Deployment) -> None:
    """A page to read, and a document with every failure in full."""
    report = _report(*(_failed(f"s3://media/{n}.mp4", "x" * 1000) for n in range(30)))

    page = report.write(buckets.s3, _FOLDER)

    assert page == "s3://output/runs/embed_video/r1/report.md"
    document = json.loads(_get(buckets, "report.json"))
    assert [failure["source"] for failure in document["failures"]] == [
        f"s3://media/{n}.mp4" for n in range(30)
    ]
    assert document["failures"][0]["message"] == "x" * 1000
    assert _get(buckets, "report.md").decode() == report.render()


def _get(buckets: Deployment, name: str) -> bytes:
    return buckets.s3.get_object(Bucket="output", Key=_FOLDER.join(name).key)["Body"].read()


def test_what_planning_counted_reaches_the_report(buckets: Deployment) -> None:
    """By way of a file in the run's folder."""
    write_plan(buckets.s3, _FOLDER, {"new": 2}, ["s3://media/ü.zip"])

    assert read_plan(buckets.s3, _FOLDER) == {"counts": {"new": 2}, "unknown": ["s3://media/ü.zip"]}


def test_what_a_person_should_know_is_told() -> None:
    """A note is no failure; Bedrock's time over the run's is how many jobs were in flight."""
    noted = replace(_STORED, note="Segments of 6 s | instead of 5 s.", job_seconds=37.0)
    report = _report(noted, replace(_PARTIAL, job_seconds=12.2), max_jobs=20, seconds=12.3)

    summary, page = report.summarize("s3://output/r.md"), report.render()

    assert (summary["notes"], summary["job_seconds"], summary["jobs_in_flight"]) == (1, 49.2, 4.0)
    assert "jobs in flight on average: 4.0 of 20 allowed" in page
    assert f"| `{noted.source}` | Segments of 6 s \\| instead of 5 s. |" in page


def test_a_thousand_notes_are_a_short_page() -> None:
    """Fifty are shown; the document beside the page has them all."""
    page = _report(*(replace(_STORED, note=f"Note {number}.") for number in range(1000))).render()

    assert page.count("| Note ") == 50
    assert "950 more are in report.json" in page


def test_the_space_that_is_being_built_is_told_of_and_does_not_count() -> None:
    """Searches do not read it, and the backfill makes it whole: a failure there fails no live run."""
    report = Report("text", {"new": 2})
    report.add([Outcome("s3://media/a.txt", "stored", {"TEXT": 1}), Outcome("s3://media/b.txt", "stored")])
    failure = Outcome.of_failure("s3://media/b.txt", Reason.JOB_FAILED, "No.")
    report.add_beside("next-v2-0", [Outcome("s3://media/a.txt", "stored"), failure], 2)
    report.add_beside("next-v2-0", None, 3)

    summary = report.summarize("s3://output/report.md")

    assert (summary["sources"], summary["failed"], report.failed_fraction) == (2, 0, 0.0)
    assert summary["building"] == {"space": "next-v2-0", "stored": 1, "failed": 1, "lost": 3}
    assert "space next-v2-0, which is being built: 1 failed, 3 lost, 1 stored" in report.render()
