"""The trigger form of ``search_embeddings``."""

from __future__ import annotations

from airflow.sdk import Param

from nova_mme_airflow.params import prefix_param, setup_params

_QUERY = "What to search with"
_WHERE = "What to find"
_HOW = "How to search"

# The bounds are the core's, which checks them again (a test holds the two together).
QUERY_CHARACTERS = 8192
CONDITION_CHARACTERS = 4000
SHORTLIST = (1, 10_000, 100)
TOP_K = (1, 1000, 10)
PER_SOURCE = (1, 100, 3)
DIMENSIONS = (256, 384, 1024, 3072)
MODALITIES = ("all", "text", "image", "video", "audio", "document")


def search_params() -> dict[str, Param]:
    """The form."""
    return {**_query(), **_what(), **_how(), **setup_params()}


def _query() -> dict[str, Param]:
    return {
        "query": Param(
            None,
            type=["null", "string"],
            format="multiline",
            maxLength=QUERY_CHARACTERS,
            title="Query",
            description="Words to search with. Give one of query, source and queries_uri.",
            section=_QUERY,
        ),
        "source": _object(
            "Source",
            "s3:// URI of a source that is stored: others that are like it are found, without the model.",
        ),
        "queries_uri": _object(
            "File of queries",
            's3:// URI of JSON lines, at most 1,000: {"text": "..."} or {"source": "s3://..."}, each with its own '
            '"modality", "condition" and "top_k" if it is to have them.',
        ),
    }


def _object(title: str, description: str) -> Param:
    return Param(
        None,
        type=["null", "string"],
        pattern="^s3://",
        maxLength=1100,
        title=title,
        description=description,
        section=_QUERY,
    )


def _what() -> dict[str, Param]:
    return {
        "modality": Param(
            "all",
            type="string",
            enum=list(MODALITIES),
            title="Modality",
            description="The only one to look for, which also gives the query its own purpose; or all of them.",
            section=_WHERE,
        ),
        "condition": Param(
            "",
            type="string",
            maxLength=CONDITION_CHARACTERS,
            title="Condition",
            description="What segments must satisfy, such as: uploaded >= 2026-01-01 and format in (mp4, mov) and start "
            "< 30. Empty: all of them.",
            section=_WHERE,
        ),
        "prefix": prefix_param(_WHERE),
        "top_k": _number(TOP_K, "Sources", "So many sources are wanted, best first.", _WHERE),
        "per_source": _number(
            PER_SOURCE, "Spans of a source", "So many parts of one source are told at the most.", _WHERE
        ),
    }


def _how() -> dict[str, Param]:
    return {
        "strategy": Param(
            "flat",
            type="string",
            enum=["flat", "hierarchical"],
            title="Strategy",
            description="flat: one index is asked. hierarchical: a shortlist of the 256d index is scored exactly at "
            "1024 or 3072 dimensions.",
            section=_HOW,
        ),
        "dimension": Param(
            1024,
            type="integer",
            enum=list(DIMENSIONS),
            minimum=DIMENSIONS[0],
            maximum=DIMENSIONS[-1],
            title="Dimension",
            description="Of the index that is asked, or at which the shortlist is scored (1024 or 3072).",
            section=_HOW,
        ),
        "shortlist": _number(
            SHORTLIST,
            "Shortlist",
            "So many segments a hierarchical search scores; a flat one has none.",
            _HOW,
        ),
    }


def _number(bounds: tuple[int, int, int], title: str, description: str, section: str) -> Param:
    low, high, default = bounds
    return Param(
        default,
        type="integer",
        minimum=low,
        maximum=high,
        title=title,
        description=description,
        section=section,
    )
