"""The ledger: rows that keep what is known, and are never lost to a throttle or to an older run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core.builders import make_run, make_source
from core.deployment import Deployment

from nova_mme.errors import Reason
from nova_mme.ledger import Ledger
from nova_mme.recipe import Recipe
from nova_mme.row import Row, Status
from nova_mme.source import Source
from nova_mme.space import Space

_SOURCE = make_source("a/ünï ☕.txt", etag="v1", size=7)
_RECIPE: Recipe = make_run().recipe


def _submit(ledger: Ledger, source: Source = _SOURCE, *, attempt: int = 1, arn: str = "arn:1") -> None:
    ledger.submitted(
        source,
        _RECIPE,
        attempt=attempt,
        invocation_arns=[arn],
        media_format="text",
        content_type="text/plain",
    )


def _item(deployment: Deployment, source: Source = _SOURCE) -> dict[str, object]:
    key = {"object_id": source.object_id, "space": deployment.settings.space.name}
    return deployment.dynamodb.Table("ledger").get_item(Key=key)["Item"]


def test_the_table_is_created_once(empty: Deployment) -> None:
    """Keyed by source and space, paid per request; a second time nothing."""
    assert (empty.ledger.ensure(), empty.ledger.ensure()) == (True, False)

    table = empty.dynamodb_client.describe_table(TableName="ledger")["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["object_id", "space"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_unknown_sources_have_no_rows(deployment: Deployment) -> None:
    """And nothing to ask is no call."""
    assert deployment.ledger.rows([_SOURCE]) == {}
    before = deployment.calls("dynamodb.BatchGetItem")
    assert deployment.ledger.rows([]) == {}
    assert deployment.calls("dynamodb.BatchGetItem") == before


def test_a_started_job_is_noted(deployment: Deployment) -> None:
    """Everything that store needs, and everything that identifies the version."""
    _submit(deployment.ledger, attempt=2)

    assert deployment.row(_SOURCE) == Row(
        object_id=_SOURCE.object_id,
        space=deployment.settings.space.name,
        uri=_SOURCE.uri,
        etag="v1",
        recipe=_RECIPE.fingerprint,
        status=Status.SUBMITTED,
        attempt=2,
        modality="text",
        invocation_arns=("arn:1",),
        media_format="text",
        content_type="text/plain",
        size=7,
        modified=_SOURCE.modified,
        updated=deployment.row(_SOURCE).updated,
    )
    item = _item(deployment)
    assert {name: item[name] for name in ("size", "modified", "modality")} == {
        "size": 7,
        "modified": _SOURCE.modified,
        "modality": "text",
    }


def test_a_stored_source_keeps_what_was_started(deployment: Deployment) -> None:
    """The ARN, the attempt and the format stay; the segments come."""
    _submit(deployment.ledger, attempt=2)
    deployment.ledger.stored(_SOURCE, _RECIPE, segments={"VIDEO": 3, "AUDIO": 0})

    row = deployment.row(_SOURCE)
    assert (row.status, row.attempt, row.invocation_arn, row.media_format) == (
        Status.STORED,
        2,
        "arn:1",
        "text",
    )
    assert (row.segments, row.failed_segments, row.reason, row.message) == (
        {"VIDEO": 3, "AUDIO": 0},
        0,
        None,
        "",
    )


def test_a_partly_stored_source_keeps_why(deployment: Deployment) -> None:
    """Segments, how many failed, and the reason."""
    _submit(deployment.ledger)
    deployment.ledger.stored(
        _SOURCE,
        _RECIPE,
        segments={"TEXT": 4},
        failed_segments=1,
        reason=Reason.BAD_SEGMENT,
        message="TEXT 3: broken",
    )

    row = deployment.row(_SOURCE)
    assert (row.status, row.failed_segments) == (Status.PARTIAL, 1)
    assert (row.reason, row.message) == (Reason.BAD_SEGMENT, "TEXT 3: broken")


def test_a_failure_is_noted_and_later_forgotten(deployment: Deployment) -> None:
    """A new job clears the reason; an earlier version's segments stay noted until they are replaced."""
    _submit(deployment.ledger)
    deployment.ledger.stored(_SOURCE, _RECIPE, segments={"TEXT": 5})
    deployment.ledger.failed(_SOURCE, _RECIPE, attempt=1, reason=Reason.JOB_FAILED, message="x" * 9999)
    failed = deployment.row(_SOURCE)
    _submit(deployment.ledger, attempt=2)
    started = deployment.row(_SOURCE)

    assert (failed.status, failed.reason, failed.message) == (Status.FAILED, Reason.JOB_FAILED, "x" * 2000)
    assert (started.status, started.reason, started.message) == (Status.SUBMITTED, None, "")
    assert failed.segments == started.segments == {"TEXT": 5}


def test_a_failure_does_not_keep_an_older_versions_failed_segments(deployment: Deployment) -> None:
    """They are the other version's: the report would count them here."""
    _submit(deployment.ledger)
    deployment.ledger.stored(
        _SOURCE, _RECIPE, segments={"TEXT": 5}, failed_segments=3, reason=Reason.BAD_SEGMENT
    )
    newer = replace(_SOURCE, etag="v2")
    deployment.ledger.failed(newer, _RECIPE, attempt=1, reason=Reason.EMPTY, message="empty")

    assert deployment.row(_SOURCE).failed_segments == 0


def test_empty_values_are_stored(deployment: Deployment) -> None:
    """S3 may tell no content type, a source may have no segments, a failure no message."""
    deployment.ledger.submitted(
        _SOURCE, _RECIPE, attempt=1, invocation_arns=["arn:1"], media_format="", content_type=""
    )
    deployment.ledger.stored(_SOURCE, _RECIPE, segments={})
    deployment.ledger.failed(_SOURCE, _RECIPE, attempt=1, reason=Reason.REFUSED, message="")

    row = deployment.row(_SOURCE)
    assert (row.content_type, row.segments, row.message) == ("", {}, "")


def test_spaces_do_not_see_each_others_rows(deployment: Deployment) -> None:
    """One source has one row per space."""
    _submit(deployment.ledger)
    other = Ledger(deployment.dynamodb, "ledger", Space(revision="other"))

    assert other.rows([_SOURCE]) == {}
    _submit(other, arn="arn:other")
    assert deployment.row(_SOURCE).invocation_arn == "arn:1"


def test_many_rows_are_read_in_calls_of_100(deployment: Deployment) -> None:
    """The limit of BatchGetItem; a source that is named twice is asked for once."""
    sources = [make_source(f"{number}.txt") for number in range(205)]
    for source in sources[::50]:
        _submit(deployment.ledger, source)
    before = deployment.calls("dynamodb.BatchGetItem")

    rows = deployment.ledger.rows([*sources, *sources[:3]])

    assert set(rows) == {source.object_id for source in sources[::50]}
    assert deployment.calls("dynamodb.BatchGetItem") - before == 3


def test_reads_are_consistent(deployment: Deployment) -> None:
    """A row that was written a moment ago must be seen, or its job would be started again."""
    with deployment.record("dynamodb_client") as sent:
        deployment.ledger.rows([_SOURCE])

    assert sent[0].params["RequestItems"]["ledger"]["ConsistentRead"] is True


def test_unprocessed_keys_are_asked_for_again(deployment: Deployment) -> None:
    """DynamoDB answers less than was asked when it is busy: the rest is not taken for unknown."""
    sources = [make_source(f"{number}.txt") for number in range(5)]
    for source in sources:
        _submit(deployment.ledger, source)
    shy = Deployment(deployment.aws)
    shy.dynamodb_client.meta.events.register("after-call.dynamodb.BatchGetItem", _answer_two)

    assert set(shy.ledger.rows(sources)) == {source.object_id for source in sources}


def _answer_two(parsed: dict[str, dict[str, list[dict[str, object]]]], **_: object) -> None:
    """Hold all but two of the rows back, as a throttled DynamoDB does."""
    found = parsed["Responses"]["ledger"]
    held = [{name: item[name] for name in ("object_id", "space")} for item in found[2:]]
    parsed["Responses"]["ledger"] = found[:2]
    if held:
        parsed["UnprocessedKeys"] = {"ledger": {"Keys": held, "ConsistentRead": True}}  # type: ignore[dict-item]


def test_a_reach_makes_no_row(deployment: Deployment) -> None:
    """A row that was deleted meanwhile must not come back as a torso that no plan can read."""
    deployment.ledger.reach(_SOURCE, "TEXT", 3)

    assert deployment.ledger.rows([_SOURCE]) == {}


def test_a_reach_only_grows(deployment: Deployment) -> None:
    """Whoever comes last: below it, vectors may exist."""
    _submit(deployment.ledger)
    for extent in (3, 7, 5):
        deployment.ledger.reach(_SOURCE, "TEXT", extent)

    assert deployment.row(_SOURCE).reached == {"TEXT": 7}


def test_only_the_same_version_is_noted_as_stored(deployment: Deployment) -> None:
    """The row tells of a newer version: it stays as it is, and the caller learns so."""
    newer = replace(_SOURCE, etag="v2")
    _submit(deployment.ledger, newer)
    before = deployment.row(newer)

    assert not deployment.ledger.stored(_SOURCE, _RECIPE, segments={"TEXT": 1})
    assert deployment.row(newer) == before


@pytest.mark.parametrize("submitted", [True, False])
def test_a_stored_source_can_be_reopened(deployment: Deployment, submitted: bool) -> None:
    """It is stored once more from its own job; one in flight is left as it is."""
    _submit(deployment.ledger)
    if not submitted:
        deployment.ledger.stored(_SOURCE, _RECIPE, segments={"TEXT": 1})

    assert deployment.ledger.reopen(_SOURCE) is not submitted

    row = deployment.row(_SOURCE)
    assert (row.status, row.invocation_arn) == (Status.SUBMITTED, "arn:1")
