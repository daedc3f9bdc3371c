"""What one run of an embedding DAG was asked to do: its parameters, typed and checked at the first line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe

# A run takes at most this many sources; the rest waits for the next. 1,000 shards of 50 stay below
# Airflow's core.max_map_length (1,024 by default).
LIMIT_MAX = 50_000
LIMIT_DEFAULT = 10_000
FRACTION_DEFAULT = 0.5

# The parameter that carries a modality's segment length, in the unit of its name.
SEGMENT_PARAM = {
    Modality.TEXT: "segment_characters",
    Modality.VIDEO: "segment_seconds",
    Modality.AUDIO: "segment_seconds",
}


@dataclass(frozen=True, slots=True)
class Run:
    """A run's parameters.

    :ivar prefix: below the source URI; empty for all of it.
    :ivar limit: how many sources are embedded at most.
    :ivar force: embed unchanged sources and dead letters again (and pay again).
    :ivar max_failed_fraction: the run fails when a larger share of its sources failed.
    """

    recipe: Recipe
    prefix: str = ""
    limit: int = LIMIT_DEFAULT
    force: bool = False
    max_failed_fraction: float = FRACTION_DEFAULT

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= LIMIT_MAX:
            raise BadSetting(f"limit is {self.limit}; it can be 1 to {LIMIT_MAX}.")
        if not 0 <= self.max_failed_fraction <= 1:
            raise BadSetting(f"max_failed_fraction is {self.max_failed_fraction}; it can be 0 to 1.")

    @property
    def modality(self) -> Modality:
        """What is embedded."""
        return self.recipe.modality

    @classmethod
    def read(cls, modality: Modality, params: Mapping[str, Any]) -> Run:
        """A run from Airflow's params (or any mapping of the same names).

        :raises BadSetting: when a value is out of its range.
        """
        recipe = Recipe.standard(
            modality,
            segment=_number(params, SEGMENT_PARAM.get(modality, ""), None, int),
            detail_level=params.get("detail_level"),
            embedding_mode=params.get("embedding_mode"),
        )
        force = params.get("force", False)
        if not isinstance(force, bool):
            raise BadSetting(f"force is {force!r}; it can be true or false.")
        return cls(
            recipe,
            prefix=params.get("prefix") or "",
            limit=_number(params, "limit", LIMIT_DEFAULT, int),
            force=force,
            max_failed_fraction=_number(params, "max_failed_fraction", FRACTION_DEFAULT, int, float),
        )


def _number(params: Mapping[str, Any], name: str, default: Any, *kinds: type) -> Any:
    """The value of a parameter; the default when it is absent or null. A truth value is no number."""
    value = params.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise BadSetting(f"{name} is {value!r}; it must be a {'whole ' if float not in kinds else ''}number.")
    return value
