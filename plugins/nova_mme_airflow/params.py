"""The trigger forms: each parameter with its title, description and bounds."""

from __future__ import annotations

from airflow.sdk import Param

_WHAT = "What"
_WHEN = "When"
_HOW = "How it is embedded"
_ANOTHER_RECIPE = (
    "A value also embeds again what is stored below the prefix under another recipe, and pays for it."
)
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
        "prefix": prefix_param(_WHAT),
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


def prefix_param(section: str) -> Param:
    """Which part of the bucket."""
    return Param(
        "",
        type="string",
        title="Prefix",
        description="Only objects below this prefix of the source URI; empty for all of them.",
        maxLength=1024,
        section=section,
    )


def _when() -> dict[str, Param]:
    return {
        "modified_from": moment("Modified from", "Only objects that were modified then or later.", _WHEN),
        "modified_to": moment("Modified before", "Only objects that were modified earlier than that.", _WHEN),
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


def moment(title: str, description: str, section: str) -> Param:
    """A point in time, or none."""
    return Param(
        None,
        type=["null", "string"],
        format="date-time",
        maxLength=40,
        title=title,
        description=f"{description} Empty: no bound.",
        section=section,
    )


def _how(modality: str) -> dict[str, Param]:
    names = {
        "text": {"segment_characters": segment_param("text", "characters", _HOW)},
        "image": {"detail_level": recipe_choice("detail_level", _HOW)},
        "video": {
            "segment_seconds": segment_param("video", "seconds", _HOW),
            "embedding_mode": recipe_choice("embedding_mode", _HOW),
        },
        "audio": {"segment_seconds": segment_param("audio", "seconds", _HOW)},
        "document": {"segment_characters": segment_param("document", "characters of a .docx text", _HOW)},
    }
    return names[modality]


def segment_param(modality: str, unit: str, section: str) -> Param:
    """How long a segment is; empty for the length in force."""
    low, high, default = SEGMENT_CHARACTERS if modality in ("text", "document") else SEGMENT_SECONDS
    return Param(
        None,
        type=["null", "integer"],
        minimum=low,
        maximum=high,
        title=f"Segment length ({unit})",
        description=f"One embedding per so many {unit}. {_in_force(f'{default:,}')} {_another_recipe(section)}",
        section=section,
    )


def recipe_choice(name: str, section: str) -> Param:
    """Another choice that is part of a recipe, by its name in Nova's schema; empty for the one in force."""
    title, first, second, description = _CHOICES[name]
    return Param(
        None,
        type=["null", "string"],
        enum=[None, first, second],
        title=title,
        description=f"{description} {_in_force(first)} {_another_recipe(section)}",
        section=section,
    )


_CHOICES = {
    "detail_level": (
        "Detail level",
        "STANDARD_IMAGE",
        "DOCUMENT_IMAGE",
        "Of images: DOCUMENT_IMAGE reads dense text, as in scans and charts; STANDARD_IMAGE is for photographs.",
    ),
    "embedding_mode": (
        "Embedding mode",
        "AUDIO_VIDEO_COMBINED",
        "AUDIO_VIDEO_SEPARATE",
        "Of videos: one embedding per segment of picture and sound together, or one of each.",
    ),
}


def _in_force(default: str) -> str:
    return f"Empty: as everywhere in this deployment, {default} unless backfill_embeddings has changed it."


def _another_recipe(section: str) -> str:
    if section == _HOW:
        return (
            "A value also embeds again what is stored below the prefix under another recipe, and pays for it."
        )
    return "A value is from now on that of the whole space: what is stored otherwise is embedded again, in place."


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
