"""The trigger forms: each parameter with its title, description and bounds."""

from __future__ import annotations

from airflow.sdk import Param

_WHAT = "What"
_WHEN = "When"
_HOW = "How it is embedded"
_WHERE = "Instead of the deployment's settings"

# The bounds are the model's; the core checks them again (a test holds the two together).
SEGMENT_CHARACTERS = (800, 50_000, 32_000)
SEGMENT_SECONDS = (1, 30, 5)
LIMIT = (1, 50_000, 10_000)


def embedding_params(modality: str) -> dict[str, Param]:
    """The form of ``embed_<modality>``."""
    return {**_what(), **_when(), **_how(modality), **setup_params()}


def _what() -> dict[str, Param]:
    low, high, default = LIMIT
    return {
        "prefix": Param(
            "",
            type="string",
            title="Prefix",
            description="Only objects below this prefix of the source URI; empty for all of them.",
            maxLength=1024,
            section=_WHAT,
        ),
        "limit": Param(
            default,
            type="integer",
            minimum=low,
            maximum=high,
            title="At most so many sources",
            description="New and changed sources over the limit wait for the next run.",
            section=_WHAT,
        ),
        "retry_failed": Param(
            False,
            type="boolean",
            title="Only what failed",
            description="Take the dead letters and what was stored in part, and nothing else. Each is paid for again.",
            section=_WHAT,
        ),
        "force": Param(
            False,
            type="boolean",
            title="Embed again",
            description="Also what is stored already and what failed for good. Every source is paid for again.",
            section=_WHAT,
        ),
        "max_failed_fraction": Param(
            0.5,
            type="number",
            minimum=0,
            maximum=1,
            title="Failed share that fails the run",
            description="The run fails when a larger share of its sources failed; the others are stored anyway.",
            section=_WHAT,
        ),
    }


def _when() -> dict[str, Param]:
    return {
        "modified_from": _moment("Modified from", "Only objects that were modified then or later."),
        "modified_to": _moment("Modified before", "Only objects that were modified earlier than that."),
        "priority": Param(
            "live",
            type="string",
            enum=["live", "backfill"],
            title="Priority",
            description="Jobs of a backfill are started when no live run waits for its turn. Runs of an Airflow "
            "backfill are backfills, whatever is chosen here.",
            section=_WHEN,
        ),
    }


def _moment(title: str, description: str) -> Param:
    return Param(
        None,
        type=["null", "string"],
        format="date-time",
        maxLength=40,
        title=title,
        description=f"{description} Empty: no bound.",
        section=_WHEN,
    )


def _how(modality: str) -> dict[str, Param]:
    forms = {
        "text": {"segment_characters": _segment(SEGMENT_CHARACTERS, "characters")},
        "image": {"detail_level": _detail_level()},
        "video": {
            "segment_seconds": _segment(SEGMENT_SECONDS, "seconds"),
            "embedding_mode": _embedding_mode(),
        },
        "audio": {"segment_seconds": _segment(SEGMENT_SECONDS, "seconds")},
        "document": {"segment_characters": _segment(SEGMENT_CHARACTERS, "characters of a .docx text")},
    }
    return forms[modality]


def _segment(bounds: tuple[int, int, int], unit: str) -> Param:
    low, high, default = bounds
    return Param(
        default,
        type="integer",
        minimum=low,
        maximum=high,
        title=f"Segment length ({unit})",
        description=f"One embedding per so many {unit}. Another value is another recipe: stored sources become "
        "stale and are embedded again.",
        section=_HOW,
    )


def _detail_level() -> Param:
    return Param(
        "STANDARD_IMAGE",
        type="string",
        enum=["STANDARD_IMAGE", "DOCUMENT_IMAGE"],
        title="Detail level",
        description="DOCUMENT_IMAGE reads dense text, as in scans and charts; STANDARD_IMAGE is for photographs.",
        section=_HOW,
    )


def _embedding_mode() -> Param:
    return Param(
        "AUDIO_VIDEO_COMBINED",
        type="string",
        enum=["AUDIO_VIDEO_COMBINED", "AUDIO_VIDEO_SEPARATE"],
        title="Embedding mode",
        description="One embedding per segment of picture and sound together, or one of each.",
        section=_HOW,
    )


def setup_params() -> dict[str, Param]:
    """What every DAG lets a run override."""
    return {
        "source_uri": _place("Source URI", "s3://bucket/prefix with the media.", "^s3://"),
        "output_uri": _place(
            "Output URI", "s3://bucket/prefix for Bedrock's output and the reports.", "^s3://"
        ),
        "vector_bucket": _place("Vector bucket", "Name of the S3 Vectors bucket.", "^[a-z0-9][a-z0-9-]+$"),
    }


def _place(title: str, description: str, pattern: str) -> Param:
    return Param(
        None,
        type=["null", "string"],
        pattern=pattern,
        maxLength=1024,
        title=title,
        description=f"{description} Empty: as the Airflow Variable nova_mme says.",
        section=_WHERE,
    )
