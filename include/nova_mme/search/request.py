"""What a search is asked: the query, the way to search, what is let through, and how much is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.search.condition import Condition, Equals, find_modality, join
from nova_mme.search.query import Query, SourceQuery, TextQuery
from nova_mme.source import S3Uri
from nova_mme.space import DIMENSIONS

DEFAULT_DIMENSION = 1024
SHORTLIST_DIMENSION = 256
RESCORING_DIMENSIONS = (1024, 3072)
# Of 20,000 random vectors, 100 of the 256-d index hold 99.4 % of the ten best at 1024 (not measured with Nova's).
DEFAULT_SHORTLIST = 100
# The most that one query of S3 Vectors finds ("Limitations and restrictions" in its user guide).
MAX_FOUND = 10_000
# A call of QueryVectors answers at most so many.
PAGE = 100
# A thousand sources are more than anybody reads; a segment each is a tenth of what the service finds at most.
MAX_TOP_K = 1000


def check_bounds(name: str, value: object, most: int) -> None:
    """See that a value is a whole number from 1.

    :raises BadSetting: naming the bounds.
    """
    if type(value) is not int or not 1 <= value <= most:
        raise BadSetting(f"{name} is {value!r}; it can be 1 to {most:,}.")


class Strategy(StrEnum):
    """The way to search."""

    FLAT = "flat"  # one index, approximate as the service is
    HIERARCHICAL = "hierarchical"  # a shortlist of the 256-d index, scored exactly at 1024 or 3072


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How to search.

    :ivar dimension: of the index that is searched, or at which the shortlist is scored.
    :ivar shortlist: how many segments the hierarchical search scores; never fewer than the results wanted.
    """

    strategy: Strategy = Strategy.FLAT
    dimension: int = DEFAULT_DIMENSION
    shortlist: int = DEFAULT_SHORTLIST

    def __post_init__(self) -> None:
        possible = DIMENSIONS if self.strategy is Strategy.FLAT else RESCORING_DIMENSIONS
        if self.dimension not in possible:
            raise BadSetting(
                f"The dimension is {self.dimension}; for a {self.strategy} search it can be "
                f"{', '.join(map(str, possible))}."
            )
        check_bounds("shortlist", self.shortlist, MAX_FOUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One search.

    :ivar modality: the only one to look for; with it, the query has its own purpose.
    :ivar condition: what else segments must satisfy; checked by S3 Vectors before it searches.
    :ivar prefix: how the sources' URIs begin, ``s3://bucket/2026/``, or ``2026/`` below the deployment's source_uri.
        S3 Vectors cannot filter by it: it is applied to what is found, and more is fetched until there is enough.
    :ivar top_k: how many sources are wanted, 1 to 1,000.
    :ivar per_source: the most spans of one source, 1 to 100.
    :ivar max_pages: how many pages of 100 segments are looked through at the most, 1 to 100; there are more where
        top_k or the shortlist wants as many segments.
    """

    query: Query
    way: Way = Way()
    modality: Modality | None = None
    condition: Condition | None = None
    prefix: str = ""
    top_k: int = 10
    per_source: int = 3
    max_pages: int = 10

    def __post_init__(self) -> None:
        check_bounds("top_k", self.top_k, MAX_TOP_K)
        check_bounds("per_source", self.per_source, PAGE)
        check_bounds("max_pages", self.max_pages, MAX_FOUND // PAGE)
        if self.prefix.startswith("s3:"):
            S3Uri.parse(self.prefix)
        if self.whole_condition:
            self.whole_condition.to_filter()  # too many constraints are told before anything is paid for

    @property
    def whole_condition(self) -> Condition | None:
        """All that S3 Vectors is to check; an example is not looked for with itself."""
        modality = Equals("modality", self.modality.value) if self.modality else None
        example = self.query if isinstance(self.query, SourceQuery) else None
        other = Equals("id", example.object_id, negated=True) if example else None
        return join(modality, self.condition, other)

    @property
    def only_modality(self) -> Modality | None:
        """The modality that the search is limited to; None when it is open to several."""
        return self.modality or find_modality(self.condition)

    @property
    def words(self) -> str:
        """The text that is searched with; empty for a file or a source."""
        return self.query.text if isinstance(self.query, TextQuery) else ""

    def place(self, root: str) -> str:
        """How the URIs begin that are let through; empty when all are.

        :param root: the deployment's ``source_uri``.
        """
        if not self.prefix or self.prefix.startswith("s3:"):
            return self.prefix
        return f"{root.rstrip('/')}/{self.prefix.lstrip('/')}"
