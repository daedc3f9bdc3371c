"""What one run of an embedding DAG was asked to do: its parameters, typed and checked at the first line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.source import Source

# A run takes at most this many sources; the rest waits for the next. 1,000 shards of 50 stay below
# Airflow's core.max_map_length (1,024 by default).
LIMIT_MAX = 50_000
LIMIT_DEFAULT = 10_000
FRACTION_DEFAULT = 0.5
PRIORITIES = ("live", "backfill")

# The parameter that carries a modality's segment length, in the unit of its name.
SEGMENT_PARAM = {
    Modality.TEXT: "segment_characters",
    Modality.VIDEO: "segment_seconds",
    Modality.AUDIO: "segment_seconds",
    Modality.DOCUMENT: "segment_characters",
}


@dataclass(frozen=True, slots=True)
class Run:
    """A run's parameters.

    :ivar prefix: below the source URI; empty for all of it.
    :ivar limit: how many sources are embedded at most.
    :ivar retry_failed: take the dead letters below the prefix, and nothing else.
    :ivar force: embed unchanged sources and dead letters again (and pay again).
    :ivar max_failed_fraction: the run fails when a larger share of its sources failed.
    :ivar priority: ``live``, or ``backfill``, which waits for jobs of live runs to have been started.
    :ivar takes_stale: also what is stored under another recipe. A run does that which was told a recipe, and a
        backfill, which tells the price before; a sweep that did would undo what others have chosen, and pay for it.
    :ivar modified_from: with ``modified_to``: only objects modified in between (epoch seconds, the end excluded).
    """

    recipe: Recipe
    prefix: str = ""
    limit: int = LIMIT_DEFAULT
    force: bool = False
    retry_failed: bool = False
    max_failed_fraction: float = FRACTION_DEFAULT
    priority: str = PRIORITIES[0]
    modified_from: int | None = None
    modified_to: int | None = None
    takes_stale: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= LIMIT_MAX:
            raise BadSetting(f"limit is {self.limit}; it can be 1 to {LIMIT_MAX}.")
        if not 0 <= self.max_failed_fraction <= 1:
            raise BadSetting(f"max_failed_fraction is {self.max_failed_fraction}; it can be 0 to 1.")
        if self.priority not in PRIORITIES:
            raise BadSetting(f"priority is {self.priority!r}; it can be {' or '.join(PRIORITIES)}.")
        if self.force and self.retry_failed:
            raise BadSetting("Give force or retry_failed, not both: force takes the dead letters too.")

    @property
    def modality(self) -> Modality:
        """What is embedded."""
        return self.recipe.modality

    def takes(self, source: Source) -> bool:
        """Whether the object was modified in the run's interval, if it has one."""
        start, end = self.modified_from, self.modified_to
        return (start is None or source.modified >= start) and (end is None or source.modified < end)

    def beside(self, recipe: Recipe) -> Run:
        """The same sources into another space, under its own recipe: only what that has not, and nothing twice."""
        return replace(self, recipe=recipe, force=False, retry_failed=False, takes_stale=False)

    @classmethod
    def read(cls, modality: Modality, params: Mapping[str, Any], in_force: Recipe | None = None) -> Run:
        """A run from Airflow's params (or any mapping of the same names).

        :param in_force: the recipe of what the parameters leave open; the standard one by default.
        :raises BadSetting: when a value is out of its range.
        """
        recipe = read_recipe(modality, params, in_force)
        return cls(
            recipe,
            takes_stale=_is_told(modality, params),
            prefix=params.get("prefix") or "",
            limit=_number(params, "limit", LIMIT_DEFAULT, int),
            force=_truth(params, "force"),
            retry_failed=_truth(params, "retry_failed"),
            priority=params.get("priority") or PRIORITIES[0],
            modified_from=_moment(params, "modified_from"),
            modified_to=_moment(params, "modified_to"),
            max_failed_fraction=_number(params, "max_failed_fraction", FRACTION_DEFAULT, int, float),
        )


def read_recipe(modality: Modality, params: Mapping[str, Any], in_force: Recipe | None = None) -> Recipe:
    """The recipe that parameters ask for; what they leave open is as in ``in_force``, or as standard.

    :raises BadSetting: when a value is out of its range.
    """
    known = in_force or Recipe.standard(modality)
    segment = _number(params, SEGMENT_PARAM.get(modality, ""), None, int)
    return Recipe.standard(
        modality,
        segment=known.segment if segment is None else segment,
        detail_level=params.get("detail_level") or known.detail_level,
        embedding_mode=params.get("embedding_mode") or known.embedding_mode,
    )


def _is_told(modality: Modality, params: Mapping[str, Any]) -> bool:
    names = (SEGMENT_PARAM.get(modality, ""), "detail_level", "embedding_mode")
    return any(params.get(name) is not None for name in names)


def _moment(params: Mapping[str, Any], name: str) -> int | None:
    """Epoch seconds of a date and time in ISO 8601; in UTC unless it says otherwise."""
    value = params.get(name)
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BadSetting(f"{name} is {value!r}; write it as 2026-11-01T00:00:00Z.") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _truth(params: Mapping[str, Any], name: str) -> bool:
    value = params.get(name, False)
    if not isinstance(value, bool):
        raise BadSetting(f"{name} is {value!r}; it can be true or false.")
    return value


def _number(params: Mapping[str, Any], name: str, default: Any, *kinds: type) -> Any:
    """The value of a parameter; the default when it is absent or null. A truth value is no number."""
    value = params.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise BadSetting(f"{name} is {value!r}; it must be a {'whole ' if float not in kinds else ''}number.")
    return value
