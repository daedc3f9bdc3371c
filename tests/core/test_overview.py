"""The overview: backlog, dead letters and cost of a deployment, in one scan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from core.builders import make_source
from core.deployment import Deployment

from nova_mme.dead_letter import DeadLetters, describe, read_run_name
from nova_mme.errors import BadSetting, Reason
from nova_mme.expense import Expenses
from nova_mme.migration.price import PRICES
from nova_mme.modality import Modality
from nova_mme.overview import take_overview
from nova_mme.recipe import Recipe
from nova_mme.row import Row, Status
from nova_mme.space import Space
from nova_mme.space_member import Member, Spaces, State
from nova_mme.space_registry import SpaceRegistry

_SPACES = Spaces.of_one(Member(Space(), State.ACTIVE))
_ARN = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc"


def _row(key: str, modality: Modality = Modality.TEXT, **changes: Any) -> Row:
    source = make_source(key, size=4000)
    recipe = Recipe.standard(modality).fingerprint
    row = Row(source.object_id, Space().name, source.uri, "v1", recipe, Status.STORED, modality.value)
    return replace(row, size=4000, invocation_arns=(_ARN,), segments={"TEXT": 1}, **changes)


def test_everything_from_one_scan(deployment: Deployment) -> None:
    """A stored text, a dead letter and one that the next run takes up again."""
    from core.builders import make_run

    deployment.upload("good.txt", b"cats at night")
    deployment.upload("empty.txt", b"")
    deployment.embed(make_run())
    again = make_source("again.txt")
    deployment.ledger.failed(
        again, Recipe.standard(Modality.TEXT), attempt=1, reason=Reason.TRANSIENT, message="busy"
    )
    registry = SpaceRegistry(deployment.dynamodb, "ledger", deployment.settings.space)
    before, seen = deployment.calls("dynamodb.Scan"), list[Row]()

    told = take_overview(registry, deployment.settings, watch=seen.append)

    assert deployment.calls("dynamodb.Scan") == before + 1
    assert len(seen) == 3
    assert told["backlog"] == {"submitted": 0, "failed": 2, "partial": 0, "missing": 0, "stale": 0}
    assert [letter["name"] for letter in told["dead_letters"]["items"]] == ["empty.txt"]
    assert told["spaces"][0]["modalities"]["text"]["stored"] == 1
    assert told["cost"]["by_modality"] == {"text": pytest.approx(13 / 4 * 0.135 / 1e6, abs=1e-6)}


def test_a_deployment_of_another_model_is_refused(deployment: Deployment) -> None:
    """As everywhere."""
    SpaceRegistry(deployment.dynamodb, "ledger", deployment.settings.space).ensure()

    with pytest.raises(BadSetting, match="The settings name the space"):
        take_overview(SpaceRegistry(deployment.dynamodb, "ledger", Space("b.c")), deployment.settings)


def test_the_latest_dead_letters_are_kept() -> None:
    """So many of them, the latest first; all are counted, and those of other spaces are not."""
    letters = DeadLetters(Space().name, most=2)
    failed = {"status": Status.FAILED, "reason": Reason.EMPTY}
    for number in (3, 1, 4, 2):
        letters.count(_row(f"{number}.txt", updated=number, **failed))
    letters.count(replace(_row("5.txt", updated=5, **failed), space="another"))
    letters.count(_row("6.txt", updated=0, status=Status.FAILED, reason=Reason.TRANSIENT))
    letters.count(_row("7.txt", updated=7))

    told = letters.summarize()

    assert told["total"] == 4
    assert [letter["name"] for letter in told["items"]] == ["4.txt", "3.txt"]


def test_a_row_is_described_for_a_person() -> None:
    """With the next step and the run that started its jobs."""
    told = describe(_row("a/b.txt", status=Status.FAILED, reason=Reason.EMPTY, run="embed_text/manual__1/2"))

    assert (told["name"], told["reason"]) == ("b.txt", "empty_file")
    assert told["next_step"] == Reason.EMPTY.next_step
    assert told["run"] == {"dag_id": "embed_text", "run_id": "manual__1/2"}
    assert read_run_name("") is None


def test_each_source_is_counted_once() -> None:
    """Whatever attempt it was, some of which cost nothing; and what never got to the model costs nothing."""
    expenses = Expenses(_SPACES, PRICES)
    expenses.count(_row("a.txt", attempt=3))
    expenses.count(_row("b.png", Modality.IMAGE))
    expenses.count(replace(_row("c.png", Modality.IMAGE), invocation_arns=()))
    expenses.count(replace(_row("d.png", Modality.IMAGE), space="gone"))
    expenses.count(replace(_row("e.png", Modality.IMAGE), modality="smell"))

    told = expenses.summarize()

    text = 4000 / 4 * 0.135 / 1e6
    assert told["by_modality"] == {"image": 0.00006, "text": pytest.approx(text, abs=1e-6)}
    assert told["usd"] == pytest.approx(text + 0.00006, abs=1e-6)
    assert told["by_space"] == {Space().name: told["usd"]}
    assert not told["rough"]


def test_a_recording_in_flight_is_a_rough_figure() -> None:
    """No row tells how long it is."""
    expenses = Expenses(_SPACES, PRICES)

    expenses.count(replace(_row("a.mp4", Modality.VIDEO), status=Status.SUBMITTED, segments={}))

    assert expenses.summarize()["rough"]


@pytest.mark.parametrize(
    ("changes", "is_listed"),
    [
        ({"status": Status.FAILED, "reason": Reason.EMPTY}, True),
        ({"status": Status.FAILED, "reason": Reason.TRANSIENT}, False),
        ({"status": Status.FAILED, "reason": Reason.TRANSIENT, "attempt": 3}, True),
        ({"status": Status.FAILED, "reason": Reason.MISSING, "attempt": 9}, False),
        ({"status": Status.PARTIAL, "reason": Reason.BAD_SEGMENT}, True),
        ({"status": Status.PARTIAL, "reason": Reason.TRANSIENT}, False),
        ({"status": Status.SUBMITTED}, False),
        ({"status": Status.STORED}, False),
    ],
)
def test_a_dead_letter_is_what_no_run_takes_up(changes: dict[str, Any], is_listed: bool) -> None:
    """The list and the plan decide alike."""
    from core.builders import make_run

    from nova_mme.plan import decide

    row = _row("a.txt", **changes)
    letters = DeadLetters(Space().name)
    letters.count(row)

    assert letters.total == int(is_listed)
    assert (decide(row.source, row, make_run()) == "dead_letter") is is_listed
