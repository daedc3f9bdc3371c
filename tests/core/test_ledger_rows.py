"""Ledger rows: what is kept with a job, how they are scanned, and when one may be removed."""

from __future__ import annotations

from dataclasses import replace

from core.builders import make_run, make_source
from core.deployment import Deployment

from nova_mme.ledger import Ledger
from nova_mme.recipe import Recipe
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


def test_what_was_asked_of_the_model_is_kept(deployment: Deployment) -> None:
    """Who started it, with which segment length, and what a person should know."""
    deployment.ledger.submitted(
        _SOURCE,
        _RECIPE,
        attempt=1,
        invocation_arns=["arn:aws:bedrock:async-invoke/a", "", "arn:aws:bedrock:async-invoke/c"],
        media_format="pdf",
        content_type="",
        run="embed_text/r1",
        segment=6,
        note="Longer.",
    )

    row = deployment.row(_SOURCE)
    assert row.invocation_arns == ("arn:aws:bedrock:async-invoke/a", "", "arn:aws:bedrock:async-invoke/c")
    assert (row.invocation_arn, row.run, row.segment, row.note) == (
        "arn:aws:bedrock:async-invoke/a",
        "embed_text/r1",
        6,
        "Longer.",
    )


def test_a_later_version_forgets_what_was_said_of_the_earlier(deployment: Deployment) -> None:
    """The note, the segment length and a document's other jobs belong to the jobs that are over."""
    many = {"invocation_arns": ["x/a", "x/b"], "segment": 6, "note": "Longer.", "run": "a/b"}
    common = {"attempt": 1, "media_format": "text", "content_type": ""}
    deployment.ledger.submitted(_SOURCE, _RECIPE, **common, **many)
    _submit(deployment.ledger, arn="x/c")

    row = deployment.row(_SOURCE)
    assert (row.invocation_arns, row.segment, row.note, row.run) == (("x/c",), None, "", "")


def test_every_row_of_the_space_is_scanned(deployment: Deployment) -> None:
    """Once each, over more than one page of a megabyte; another space's are not told of."""
    sources = [make_source(f"{number}.txt") for number in range(30)]
    other = replace(deployment.ledger, space=Space(revision="other"))
    for source in sources:
        _submit(deployment.ledger, source)
        item = _item(deployment, source)
        deployment.dynamodb.Table("ledger").put_item(Item={**item, "padding": "x" * 100_000})
    _submit(other, make_source("other.txt"))
    before = deployment.calls("dynamodb.Scan")

    assert sorted(row.uri for row in deployment.ledger.scan()) == sorted(source.uri for source in sources)
    assert deployment.calls("dynamodb.Scan") - before > 1


def test_a_row_is_removed_unless_it_has_changed(deployment: Deployment) -> None:
    """What was noted since the row was read is not thrown away."""
    _submit(deployment.ledger)
    row = deployment.row(_SOURCE)

    assert not deployment.ledger.remove(replace(row, etag="older"))
    assert deployment.row(_SOURCE) == row
    assert deployment.ledger.remove(row)
    assert deployment.ledger.rows([_SOURCE]) == {}
    assert deployment.ledger.remove(row)


def test_how_many_segments_were_stored_is_kept(deployment: Deployment) -> None:
    """Beside how far they reach: one that failed in the middle is no hole."""
    _submit(deployment.ledger)
    deployment.ledger.stored(_SOURCE, _RECIPE, segments={"TEXT": 5}, counts={"TEXT": 4}, failed_segments=1)

    assert (deployment.row(_SOURCE).segments, deployment.row(_SOURCE).counts) == ({"TEXT": 5}, {"TEXT": 4})


def test_a_cleared_space_leaves_the_others(deployment: Deployment) -> None:
    """All of its rows go, in more than one batch; another space's and what else the table holds stay."""
    other = replace(deployment.ledger, space=Space(revision="other"))
    for number in range(30):
        _submit(deployment.ledger, make_source(f"{number}.txt"))
    _submit(other, make_source("0.txt"))
    deployment.dynamodb.Table("ledger").put_item(Item={"object_id": "~spaces", "space": "~", "version": 1})

    assert deployment.ledger.clear() == 30

    assert list(deployment.ledger.scan()) == []
    assert [row.uri for row in other.scan()] == ["s3://media/0.txt"]
    assert deployment.dynamodb.Table("ledger").get_item(Key={"object_id": "~spaces", "space": "~"})["Item"]
    assert deployment.ledger.clear() == 0
