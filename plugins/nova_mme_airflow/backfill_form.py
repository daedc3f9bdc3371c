"""The trigger form of ``backfill_embeddings``."""

from __future__ import annotations

from airflow.sdk import Param

from nova_mme_airflow.params import moment, prefix_param, recipe_choice, segment_param

_WHAT = "What"
_TARGET = "Into which space"
_RECIPE = "Another recipe"
_MONEY = "What it may cost"
_CUTOVER = "Cutover"
_REBUILD = "Rebuild"

MODALITIES = ("text", "image", "video", "audio", "document")


def backfill_params() -> dict[str, Param]:
    """The form."""
    return {
        **_action(),
        **_target(),
        **_what(),
        **_recipe(),
        **_money(),
        **_cutover(),
        **_gate(),
        **_rebuild(),
    }


def _action() -> dict[str, Param]:
    return {
        "action": Param(
            "backfill",
            type="string",
            enum=["backfill", "cutover", "rollback", "rebuild", "abandon"],
            title="Action",
            description="backfill embeds what the space lacks. cutover judges the space that is being built and makes "
            "it the active one; rollback makes the one before active again. rebuild fills indexes from what is stored, "
            "without the model. abandon gives the space up that is being built.",
            section=_WHAT,
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Only estimate: how many sources, segments, dollars and hours. Nothing is started or created.",
            section=_WHAT,
        ),
    }


def _target() -> dict[str, Param]:
    return {
        "target_model_id": Param(
            None,
            type=["null", "string"],
            maxLength=256,
            title="Target model",
            description="Bedrock's id of the model to change to: its space is built beside the live one. Empty: the "
            "space that is being built, or else the active one.",
            section=_TARGET,
        ),
        "target_revision": Param(
            None,
            type=["null", "string"],
            maxLength=40,
            title="Target revision",
            description="Tells two spaces of one model id apart; empty for the model itself.",
            section=_TARGET,
        ),
    }


def _what() -> dict[str, Param]:
    return {
        "modalities": Param(
            list(MODALITIES),
            type="array",
            items={"type": "string", "enum": list(MODALITIES)},
            examples=list(MODALITIES),
            minItems=1,
            uniqueItems=True,
            title="Modalities",
            description="Which kinds of media.",
            section=_WHAT,
        ),
        "prefix": prefix_param(_WHAT),
        "modified_from": moment("Modified from", "Only objects that were modified then or later.", _WHAT),
        "modified_to": moment("Modified before", "Only objects that were modified earlier than that.", _WHAT),
        "limit": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            maximum=100_000_000,
            title="At most so many sources",
            description="Empty: all of them, over as many runs as that takes.",
            section=_WHAT,
        ),
        "retry_failed": Param(
            False,
            type="boolean",
            title="Only what failed",
            description="Take the dead letters of the space, and nothing else. Each is paid for again.",
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


def _recipe() -> dict[str, Param]:
    return {
        "text_segment_characters": segment_param("text", "characters of a text", _RECIPE),
        "document_segment_characters": segment_param("document", "characters of a .docx text", _RECIPE),
        "video_segment_seconds": segment_param("video", "seconds of a video", _RECIPE),
        "audio_segment_seconds": segment_param("audio", "seconds of sound", _RECIPE),
        "detail_level": recipe_choice("detail_level", _RECIPE),
        "embedding_mode": recipe_choice("embedding_mode", _RECIPE),
    }


def _money() -> dict[str, Param]:
    return {
        "max_cost_usd": Param(
            None,
            type=["null", "number"],
            minimum=0,
            maximum=1_000_000_000,
            title="Spend at most ($)",
            description="Over this run and those that it starts itself; each run of an Airflow backfill counts for "
            "itself. When it is spent nothing more is started; what "
            "was started is stored, and a run that you start later goes on, with a sum of its own. Empty: no bound.",
            section=_MONEY,
        ),
        "approval_threshold_usd": Param(
            10.0,
            type="number",
            minimum=0,
            maximum=1_000_000_000,
            title="Ask above ($)",
            description="An estimate above this waits for a person to approve it, under Required Actions; each run of "
            "an Airflow backfill is estimated for itself, and a daily run spends up to this without asking.",
            section=_MONEY,
        ),
        "approved": Param(
            False,
            type="boolean",
            title="Approved",
            description="Start without asking, whatever the estimate says. For schedules and scripts; max_cost_usd "
            "bounds it all the same.",
            section=_MONEY,
        ),
        "sources_per_run": Param(
            10_000,
            type="integer",
            minimum=1,
            maximum=50_000,
            title="Sources a run",
            description="So many are taken by one run of this DAG; it starts the next one itself while any are left.",
            section=_MONEY,
        ),
        "campaign": Param(
            "",
            type="string",
            maxLength=300,
            title="Goes on with",
            description="Filled in by a run that starts the next one, so that both count as one. Leave it empty.",
            section=_MONEY,
        ),
    }


def _cutover() -> dict[str, Param]:
    return {
        "cutover": Param(
            "manual",
            type="string",
            enum=["manual", "when_gate_passes", "none"],
            title="Cutover",
            description="manual: judge the new space and leave the rest to you (action cutover). when_gate_passes: "
            "searches move to it at once. none: only build it.",
            section=_CUTOVER,
        ),
        "keep_days": Param(
            30,
            type="integer",
            minimum=0,
            maximum=3650,
            title="Keep the other space (days)",
            description="After a cutover, rollback or abandon; then the next run of this DAG deletes it. Until then a "
            "rollback is one write. 0: at once, and what is still searching or storing in it fails.",
            section=_CUTOVER,
        ),
        "force": Param(
            False,
            type="boolean",
            title="Cut over whatever the gate says",
            description="Only with the action cutover. The verdict is written all the same, and every bar is lifted.",
            section=_CUTOVER,
        ),
    }


def _gate() -> dict[str, Param]:
    return {
        "query_set": Param(
            None,
            type=["null", "string"],
            pattern="^s3://",
            maxLength=1024,
            title="Queries for the gate",
            description='s3:// URI of JSON lines, {"text": "..."} or {"source": "s3://..."}. Empty: sources that are '
            "drawn from the corpus are the queries, which costs nothing.",
            section=_CUTOVER,
        ),
        "min_coverage": _share(
            1.0,
            "Least share of sources",
            "Of those that can be found today, so many have to be in the new space. Below 1, sources that the new model "
            "refuses are given up.",
        ),
        "min_recall": _share(
            0.3,
            "Least agreement with the old space",
            "Mean recall@10 of the new space against the old one. Two good models do not agree on everything.",
        ),
        "min_dimension_recall": _share(
            0.5,
            "Least agreement of 256 dimensions with 3072",
            "Mean recall@10 of the smallest dimension against the full one, in the new space.",
        ),
    }


def _share(default: float, title: str, description: str) -> Param:
    return Param(
        default, type="number", minimum=0, maximum=1, title=title, description=description, section=_CUTOVER
    )


def _rebuild() -> dict[str, Param]:
    return {
        "dimensions": Param(
            ["256", "384", "1024"],
            type="array",
            items={"type": "string", "enum": ["256", "384", "1024", "3072"]},
            examples=["256", "384", "1024", "3072"],
            minItems=1,
            uniqueItems=True,
            title="Dimensions to rebuild",
            description="With the action rebuild: indexes that are lost are created, and all are filled.",
            section=_REBUILD,
        ),
        "rebuild_from": Param(
            "vectors",
            type="string",
            enum=["vectors", "outputs"],
            title="Rebuild from",
            description="vectors: the stored 3072-d ones. outputs: what the jobs have written to S3, as long as it is "
            "kept there; the way to get 3072 itself back. Neither calls Bedrock.",
            section=_REBUILD,
        ),
    }
