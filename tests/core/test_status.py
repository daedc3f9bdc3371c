"""How the deployment stands: spaces, their coverage by modality, what is stale, what failed and why, what ran last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from core.builders import make_source
from core.deployment import Deployment

from nova_mme.errors import Reason
from nova_mme.ledger import Ledger
from nova_mme.migration.campaign import Campaign
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.source import Source
from nova_mme.space import NOVA_MODEL_ID, Space
from nova_mme.space_member import Member, Spaces, State
from nova_mme.space_registry import SpaceRegistry
from nova_mme.status import Coverage, SpaceStatus, describe_spaces, render_spaces

_OLD, _NEW = Space(NOVA_MODEL_ID, "test"), Space("amazon.next-v2:0", first=False)
_STANDARD, _SHORT = Recipe.standard(Modality.TEXT), Recipe.standard(Modality.TEXT, segment=900)
_IMAGE = Recipe.standard(Modality.IMAGE)
_MIDNIGHT = 1_793_491_200  # of 2026-11-01


@dataclass
class House:
    """A deployment of two spaces, with ledger rows and no vectors."""

    deployment: Deployment
    spaces: Spaces = field(
        default_factory=lambda: Spaces.of_one(Member(_OLD, State.ACTIVE)).put(
            Member(_NEW, State.BUILDING, recipes={Modality.TEXT: _SHORT})
        )
    )

    def submit(self, space: Space, key: str, recipe: Recipe = _STANDARD, run: str = "") -> Source:
        """Note a started job."""
        source = make_source(key)
        self.ledger(space).submitted(
            source, recipe, attempt=1, invocation_arns=["x/a"], media_format="", content_type="", run=run
        )
        return source

    def store(
        self,
        space: Space,
        key: str,
        recipe: Recipe = _STANDARD,
        *,
        segments: Mapping[str, int] | None = None,
        run: str = "",
        **told: Any,
    ) -> None:
        """Note a stored source, of three segments unless it is said how many."""
        source = self.submit(space, key, recipe, run)
        assert self.ledger(space).stored(source, recipe, segments=segments or {"TEXT": 3}, **told)

    def fail(self, space: Space, key: str, reason: Reason, recipe: Recipe = _STANDARD) -> None:
        """Note a failure."""
        self.ledger(space).failed(make_source(key), recipe, attempt=1, reason=reason, message="So.")

    def alter(self, space: Space, key: str, **values: Any) -> None:
        """Change attributes of a row."""
        self.deployment.dynamodb.Table("ledger").update_item(
            Key={"object_id": make_source(key).object_id, "space": space.name},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )

    def ledger(self, space: Space) -> Ledger:
        """A space's rows."""
        return Ledger(self.deployment.dynamodb, "ledger", space)

    def describe(self, **options: Any) -> dict[str, SpaceStatus]:
        """Every space's status, by its name."""
        told = describe_spaces(self.spaces, self.deployment.dynamodb, "ledger", **options)
        return {status.name: status for status in told}


@pytest.fixture
def house(empty: Deployment) -> House:
    """With an empty ledger."""
    empty.ledger.ensure()
    return House(empty)


def test_each_space_is_counted_by_modality(house: House) -> None:
    """What is stored, in whole or in part, what failed, what is in flight, and what only the other space knows."""
    for number in range(3):
        house.store(_OLD, f"{number}.txt")
    house.store(_OLD, "part.txt", segments={"TEXT": 5}, counts={"TEXT": 4}, failed_segments=1)
    house.fail(_OLD, "bad.txt", Reason.EMPTY)
    house.store(_OLD, "cat.png", _IMAGE, segments={"IMAGE": 1})
    house.store(_NEW, "0.txt", _SHORT)
    house.submit(_NEW, "1.txt", _SHORT)
    house.submit(_NEW, "newer.txt", _SHORT)

    told = house.describe()

    assert told[_OLD.name].coverage == {
        Modality.TEXT: Coverage(known=6, stored=3, partial=1, failed=1, segments=13),
        Modality.IMAGE: Coverage(known=1, stored=1, segments=1),
    }
    assert told[_NEW.name].coverage == {
        Modality.TEXT: Coverage(known=6, stored=1, submitted=2, segments=3),
        Modality.IMAGE: Coverage(known=1),
    }
    assert [told[_OLD.name].coverage[name].missing for name in (Modality.TEXT, Modality.IMAGE)] == [1, 0]
    assert [told[_NEW.name].coverage[name].missing for name in (Modality.TEXT, Modality.IMAGE)] == [3, 1]
    assert told[_OLD.name].coverage[Modality.TEXT].share == pytest.approx(4 / 6)
    assert told[_NEW.name].coverage[Modality.IMAGE].share == 0


def test_stale_is_what_has_another_recipe_than_the_one_in_force(house: House) -> None:
    """In its own space: what is right in one is stale in the other. A failed source is not stale."""
    for space in (_OLD, _NEW):
        house.store(space, "standard.txt", _STANDARD)
        house.store(space, "short-1.txt", _SHORT)
        house.store(space, "short-2.txt", _SHORT, failed_segments=1)
        house.fail(space, "bad.txt", Reason.EMPTY, _SHORT if space is _OLD else _STANDARD)

    told = house.describe()

    assert told[_OLD.name].coverage[Modality.TEXT].stale == 2
    assert told[_NEW.name].coverage[Modality.TEXT].stale == 1


def test_failures_are_counted_by_reason(house: House) -> None:
    """Of sources that failed in whole or in part; what failed once and is stored by now has no reason any more."""
    house.fail(_OLD, "a.txt", Reason.EMPTY)
    house.fail(_OLD, "b.txt", Reason.EMPTY)
    house.fail(_OLD, "c.txt", Reason.JOB_FAILED)
    house.store(_OLD, "d.txt", failed_segments=1, reason=Reason.BAD_SEGMENT)
    house.fail(_OLD, "e.txt", Reason.TRANSIENT)
    house.store(_OLD, "e.txt")

    told = house.describe()

    assert told[_OLD.name].reasons == {"empty_file": 2, "job_failed": 1, "segment_failed": 1}
    assert told[_NEW.name].reasons == {}


def test_the_last_run_is_that_of_the_latest_change(house: House) -> None:
    """Whatever order the rows come in; one without a run tells of none."""
    for number, run in enumerate(("embed_text/r1", "embed_text/r3", "embed_text/r2", "")):
        house.store(_OLD, f"{number}.txt", run=run)
    for number, updated in enumerate((100, 300, 200, 400)):
        house.alter(_OLD, f"{number}.txt", updated=updated)

    told = house.describe()

    assert (told[_OLD.name].last_run, told[_OLD.name].last_change) == ("embed_text/r3", 300)
    assert (told[_NEW.name].last_run, told[_NEW.name].last_change) == ("", 0)


def test_what_is_no_source_is_passed_over(house: House) -> None:
    """The table's other items, and rows of spaces that are gone or of a modality that nobody knows yet."""
    house.store(_OLD, "a.txt")
    Campaign(house.deployment.dynamodb, "ledger", "backfill_embeddings/r1").open(3, limit_usd=None)
    SpaceRegistry(house.deployment.dynamodb, "ledger", _OLD).ensure()
    house.store(Space("amazon.gone-v1:0"), "gone.txt")
    house.store(_OLD, "smell.txt", run="embed_smell/r1")
    house.alter(_OLD, "smell.txt", modality="smell")

    (old, new) = house.describe().values()

    assert old.coverage == {Modality.TEXT: Coverage(known=1, stored=1, segments=3)}
    assert (old.last_run, new.coverage) == ("", {Modality.TEXT: Coverage(known=1)})


def test_a_large_ledger_is_read_to_the_end(house: House) -> None:
    """Over more than one page of a megabyte."""
    for number in range(30):
        house.store(_OLD, f"{number}.txt")
        house.alter(_OLD, f"{number}.txt", padding="x" * 100_000)
    before = house.deployment.calls("dynamodb.Scan")

    assert house.describe()[_OLD.name].coverage[Modality.TEXT].stored == 30

    assert house.deployment.calls("dynamodb.Scan") - before > 1


def test_an_empty_ledger_has_spaces_without_coverage(house: House) -> None:
    """The active one is told of first, the others by name."""
    house.spaces = house.spaces.put(Member(Space("amazon.a-v1:0", first=False), State.KEPT))

    told = house.describe()

    assert list(told) == [_OLD.name, "a-v1-0", _NEW.name]
    assert all(status.coverage == {} for status in told.values())
    assert Coverage().share == 1


def test_the_end_of_a_model_is_asked_for(house: House) -> None:
    """By the id of each space's model."""
    told = house.describe(find_end_of_life={_NEW.model_id: 5, _OLD.model_id: None}.get)

    assert (told[_OLD.name].end_of_life, told[_NEW.name].end_of_life) == (None, 5)


def _status() -> SpaceStatus:
    status = SpaceStatus(
        Member(_OLD, State.KEPT, 7, retire_at=_MIDNIGHT, gate={"passed": True}),
        {
            Modality.TEXT: Coverage(2000, 1500, 100, 50, 150, 1200, 9000),
            Modality.IMAGE: Coverage(3, 3, segments=3),
        },
        last_run="embed_text/r1",
        last_change=_MIDNIGHT + 3660,
        end_of_life=_MIDNIGHT + 86_400,
    )
    status.reasons.update({"empty_file": 10, "job_failed": 40})
    return status


def test_a_status_is_a_small_document() -> None:
    """Of plain values, for XCom and the page."""
    told = _status().summarize()

    assert orjson.loads(orjson.dumps(told)) == told
    assert (told["space"], told["model_id"], told["revision"], told["state"]) == (
        _OLD.name,
        NOVA_MODEL_ID,
        "test",
        "kept",
    )
    assert (told["created"], told["retire_at"], told["end_of_life"]) == (7, _MIDNIGHT, _MIDNIGHT + 86_400)
    assert (told["last_run"], told["last_change"]) == ("embed_text/r1", _MIDNIGHT + 3660)
    assert (told["gate"], told["reasons"]) == ({"passed": True}, {"empty_file": 10, "job_failed": 40})
    assert told["modalities"]["text"] == {
        "known": 2000,
        "stored": 1500,
        "partial": 100,
        "failed": 50,
        "submitted": 150,
        "missing": 200,
        "stale": 1200,
        "segments": 9000,
        "share": 0.8,
    }


def test_a_status_is_a_table_to_read() -> None:
    """A line of what it is, what is to be known of it, and a row for each modality."""
    assert render_spaces([_status()]).splitlines() == [
        f"**{_OLD.name}** (kept): `{NOVA_MODEL_ID}` test",
        "* may be deleted from 2026-11-01 on",
        "* the model can be used until 2026-11-02",
        "* last change 2026-11-01 01:01 UTC, by the run embed_text/r1",
        "* failed: 40 job_failed, 10 empty_file",
        "",
        "| modality | sources | found | failed | in flight | missing | other recipe | segments |",
        "|---|---|---|---|---|---|---|---|",
        "| image | 3 | 3 (100.0%) | 0 | 0 | 0 | 0 | 3 |",
        "| text | 2,000 | 1,600 (80.0%) | 50 | 150 | 200 | 1,200 | 9,000 |",
    ]


def test_a_space_of_which_nothing_is_known_is_one_line() -> None:
    """A first space that was never written to; an active one is not deleted, whatever its days."""
    assert render_spaces([SpaceStatus(Member(_NEW, State.ACTIVE, retire_at=_MIDNIGHT))]) == (
        f"**{_NEW.name}** (active): `{_NEW.model_id}`\n"
    )
