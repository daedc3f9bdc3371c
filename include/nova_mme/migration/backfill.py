"""What a run of ``backfill_embeddings`` was asked to do: its parameters, typed and checked at the first line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.run import LIMIT_MAX, Run, read_recipe
from nova_mme.space import DIMENSIONS, Space
from nova_mme.space_member import Member, Spaces

ACTIONS = ("backfill", "cutover", "rollback", "rebuild", "abandon")
CUTOVERS = ("manual", "when_gate_passes", "none")
ORIGINS = ("vectors", "outputs")

# What one run takes; the next one goes on by itself.
SOURCES_PER_RUN = 10_000

# Which parameter changes a modality's recipe, and what an embedding DAG calls it.
RECIPE_PARAMS = {
    Modality.TEXT: {"text_segment_characters": "segment_characters"},
    Modality.IMAGE: {"detail_level": "detail_level"},
    Modality.VIDEO: {"video_segment_seconds": "segment_seconds", "embedding_mode": "embedding_mode"},
    Modality.AUDIO: {"audio_segment_seconds": "segment_seconds"},
    Modality.DOCUMENT: {"document_segment_characters": "segment_characters"},
}


@dataclass(frozen=True, slots=True)
class Backfill:
    """A run's parameters.

    :ivar target_model_id: empty for the space that is being built, or else the active one.
    :ivar run: what an embedding run has as well: prefix, dates, limit and so on; its recipe does not count.
    :ivar recipes: modality -> the values that change its recipe.
    :ivar limit: sources at most, over all runs that follow by themselves; None for all.
    :ivar max_cost_usd: what the model may cost, over all these runs; None for any sum.
    :ivar approval_threshold_usd: an estimate above it is put before a person; ``approved`` says that one has agreed.
    :ivar keep_days: days that a space is kept after a cutover from it.
    :ivar dimensions: those to rebuild; ``origin`` what from: stored vectors, or the jobs' kept outputs.
    :ivar sources_per_run: what one run takes; the next one goes on by itself.
    :ivar campaign: "<DAG id>/<run id>" of the first of these runs; empty in the first itself.
    """

    action: str = ACTIONS[0]
    target_model_id: str = ""
    target_revision: str = ""
    run: Run = field(default_factory=lambda: Run(Recipe.standard(Modality.TEXT)))
    modalities: tuple[Modality, ...] = tuple(Modality)
    recipes: Mapping[Modality, Mapping[str, Any]] = field(default_factory=dict)
    limit: int | None = None
    dry_run: bool = False
    max_cost_usd: float | None = None
    approval_threshold_usd: float = 10.0
    approved: bool = False
    cutover: str = CUTOVERS[0]
    keep_days: int = 30
    force: bool = False
    dimensions: tuple[int, ...] = DIMENSIONS[:-1]
    origin: str = ORIGINS[0]
    sources_per_run: int = SOURCES_PER_RUN
    campaign: str = ""

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("action", self.action, ACTIONS),
            ("cutover", self.cutover, CUTOVERS),
            ("rebuild_from", self.origin, ORIGINS),
        ):
            if value not in choices:
                raise BadSetting(f"{name} is {value!r}; it can be {', '.join(choices)}.")
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise BadSetting(f"{name} is {getattr(self, name)!r}; it can be true or false.")
        for name in (*_WHOLE, *_SUMS):
            _check_number(name, getattr(self, name))
        if not self.modalities:
            raise BadSetting(f"modalities is empty; choose from {', '.join(Modality)}.")
        if self.dry_run and self.action != "backfill":
            raise BadSetting(
                f"dry_run goes with the action backfill; {self.action} would be done all the same."
            )
        if self.target_revision and not self.target_model_id:
            raise BadSetting("target_revision says nothing without target_model_id; give both.")
        if not self.dimensions or not set(self.dimensions) <= set(DIMENSIONS):
            raise BadSetting(
                f"dimensions is {self.dimensions}; choose from {', '.join(map(str, DIMENSIONS))}."
            )

    @classmethod
    def read(cls, params: Mapping[str, Any]) -> Backfill:
        """A backfill from Airflow's params (or any mapping of the same names).

        :raises BadSetting: when a value is out of its range.
        """
        given = {name: params[name] for name in _PLAIN if params.get(name) is not None}
        return cls(
            **given,
            target_model_id=params.get("target_model_id") or "",
            target_revision=params.get("target_revision") or "",
            run=Run.read(Modality.TEXT, _take_shared(params)),
            modalities=_read_modalities(params.get("modalities")),
            recipes=_read_changes(params),
            limit=params.get("limit"),
            dimensions=_read_dimensions(params.get("dimensions")),
            origin=params.get("rebuild_from") or ORIGINS[0],
        )

    def find_target(self, spaces: Spaces) -> Space:
        """The space that is written to: the one that was named, else the one being built, else the active one."""
        if self.target_model_id:
            return spaces.name_space(self.target_model_id, self.target_revision)
        # What searches miss is mended where searches look.
        return (spaces.active if self.action == "rebuild" else spaces.building or spaces.active).space

    def find_recipes(self, spaces: Spaces) -> dict[Modality, Recipe]:
        """The recipes that the target gets: those in force there (a new space has the active one's), and the changes.

        :raises BadSetting: when a value is out of its range.
        """
        member = spaces.members.get(self.find_target(spaces).name) or spaces.active
        return {modality: self._change(modality, member) for modality in Modality}

    def find_changes(self, spaces: Spaces) -> dict[Modality, Recipe]:
        """Those of :meth:`find_recipes` that the target does not have by itself: to be noted as in force there."""
        recipes, known = self.find_recipes(spaces), spaces.members.get(self.find_target(spaces).name)
        named = self.recipes if known else {**spaces.active.recipes, **self.recipes}
        return {modality: recipes[modality] for modality in named}

    def _change(self, modality: Modality, member: Member) -> Recipe:
        return read_recipe(modality, self.recipes.get(modality, {}), member.recipe(modality))

    def find_runs(self, recipes: Mapping[Modality, Recipe]) -> dict[Modality, Run]:
        """What is taken of each modality; unlike a sweep, also what is stored under another recipe."""
        return {
            modality: Run(
                recipes[modality],
                prefix=self.run.prefix,
                limit=LIMIT_MAX,
                retry_failed=self.run.retry_failed,
                max_failed_fraction=self.run.max_failed_fraction,
                priority="backfill",
                modified_from=self.run.modified_from,
                modified_to=self.run.modified_to,
                takes_stale=True,
            )
            for modality in self.modalities
        }

    @property
    def room(self) -> int:
        """How many sources this run takes."""
        return min(self.limit or self.sources_per_run, self.sources_per_run)

    @property
    def is_narrowed(self) -> bool:
        """Whether sources are left out on purpose: the space cannot be whole after it."""
        run = self.run
        parts = (run.prefix, run.retry_failed, self.limit, run.modified_from, run.modified_to)
        return any(parts) or set(self.modalities) != set(Modality)


_SWITCHES = ("dry_run", "approved", "force")
_UNBOUNDED = ("limit", "max_cost_usd")
# The least value, for sums of money and for whole numbers.
_SUMS = {"max_cost_usd": 0, "approval_threshold_usd": 0}
_WHOLE = {"limit": 1, "keep_days": 0, "sources_per_run": 1}


def _check_number(name: str, value: Any) -> None:
    """A truth value is no number."""
    if value is None and name in _UNBOUNDED:
        return
    kind: Any = int if name in _WHOLE else int | float
    least = (_WHOLE | _SUMS)[name]
    if isinstance(value, bool) or not (isinstance(value, kind) and least <= value < math.inf):
        whole = "whole " if name in _WHOLE else ""
        raise BadSetting(f"{name} is {value!r}; it must be a {whole}number from {least}.")


# Taken over as they are.
_PLAIN = (
    "action",
    "dry_run",
    "max_cost_usd",
    "approval_threshold_usd",
    "approved",
    "cutover",
    "keep_days",
    "force",
    "sources_per_run",
    "campaign",
)
# What an embedding run has as well, by the same names and rules.
_SHARED = ("prefix", "retry_failed", "max_failed_fraction", "modified_from", "modified_to")


def _take_shared(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in _SHARED if name in params}


def _read_modalities(names: Any) -> tuple[Modality, ...]:
    try:
        return tuple(Modality(name) for name in names) if names is not None else tuple(Modality)
    except (TypeError, ValueError) as error:
        raise BadSetting(f"modalities is {names!r}; choose from {', '.join(Modality)}.") from error


def _read_dimensions(told: Any) -> tuple[int, ...]:
    """A form gives them as texts."""
    try:
        return DIMENSIONS[:-1] if told is None else tuple(int(one) for one in told)
    except (TypeError, ValueError) as error:
        raise BadSetting(f"dimensions is {told!r}; choose from {', '.join(map(str, DIMENSIONS))}.") from error


def _read_changes(params: Mapping[str, Any]) -> dict[Modality, dict[str, Any]]:
    changes: dict[Modality, dict[str, Any]] = {}
    for modality, names in RECIPE_PARAMS.items():
        told = {as_run: params[name] for name, as_run in names.items() if params.get(name) is not None}
        if told:
            changes[modality] = told
    return changes
