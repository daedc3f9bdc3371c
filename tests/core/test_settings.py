"""Settings: one JSON document, and sentences that name the key when it is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from core.builders import make_settings

from nova_mme.errors import BadSetting
from nova_mme.settings import Settings
from nova_mme.space import NOVA_MODEL_ID, Space

_MINIMUM = {
    "source_uri": "s3://media/in",
    "output_uri": "s3://output/nova",
    "vector_bucket": "vectors",
    "ledger_table": "ledger",
}


def test_four_settings_are_enough() -> None:
    """The rest has defaults: the environment's own role, and the model's Region and id."""
    settings = Settings.read(_MINIMUM)

    assert settings == Settings(**_MINIMUM)
    assert (settings.aws_conn_id, settings.bedrock_region) == ("aws_default", "us-east-1")
    assert settings.space == Space(NOVA_MODEL_ID)


def test_a_runs_own_values_go_first() -> None:
    """None and empty ones leave the deployment's as they are."""
    overrides = {"source_uri": "s3://mine", "output_uri": "", "vector_bucket": None}

    settings = Settings.read(_MINIMUM, overrides)

    assert (settings.source_uri, settings.output_uri, settings.vector_bucket) == (
        "s3://mine",
        "s3://output/nova",
        "vectors",
    )


def test_a_revision_makes_another_space() -> None:
    """The stand-in's vectors must never meet the model's."""
    assert make_settings(model_revision="local-1").space.name != make_settings(model_revision="").space.name


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_settings_are_an_object(document: Any) -> None:
    """The sentence says what it is instead."""
    with pytest.raises(BadSetting, match=f"JSON object, not {type(document).__name__}"):
        Settings.read(document)


def test_all_missing_settings_are_named_at_once() -> None:
    """A person mends them in one go; an empty one is missing too."""
    with pytest.raises(BadSetting, match="lack output_uri, vector_bucket, ledger_table"):
        Settings.read({"source_uri": "s3://media", "vector_bucket": "", "ledger_table": None})


def test_unknown_settings_are_named() -> None:
    """A misspelt key is not passed over, and the known ones are shown."""
    with pytest.raises(BadSetting, match="Unknown settings: bedrok_region, zone. Known: .*bedrock_region"):
        Settings.read({**_MINIMUM, "zone": "x", "bedrok_region": "us-east-1"})


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("vector_bucket", 5, "'vector_bucket' must be a text, not 5"),
        ("kms_key_id", None, "'kms_key_id' must be a text, not None"),
        ("source_uri", "media/in", "'media/in' is not an S3 URI"),
        ("output_uri", "https://output", "'https://output' is not an S3 URI"),
        ("bucket_owner", "1234", "bucket_owner must be an account id of 12 digits"),
        ("bucket_owner", "12345678901x", "bucket_owner"),
        ("model_id", "", "model_id"),
        ("model_revision", "r" * 60, "space name .* over 46 characters"),
    ],
)
def test_a_wrong_value_is_refused_when_it_is_read(key: str, value: Any, sentence: str) -> None:
    """At the first line of a task, not in the middle of its work."""
    with pytest.raises(BadSetting, match=sentence):
        Settings.read({**_MINIMUM, key: value})


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("s3://media/in/", "s3://media/in"),
        ("s3://media/in/clips", "s3://media/in"),
        ("s3://media", "s3://media"),
    ],
)
def test_sources_must_not_lie_below_the_outputs(source: str, output: str) -> None:
    """Each run would embed its own reports, manifests and results of the last one, and pay for them."""
    with pytest.raises(BadSetting, match="output_uri"):
        make_settings(source_uri=source, output_uri=output)


@pytest.mark.parametrize("output", ["s3://media/nova", "s3://media/input", "s3://other/in/nova"])
def test_sources_and_outputs_may_share_a_bucket(output: str) -> None:
    """Beside each other, not one below the other."""
    assert make_settings(source_uri="s3://media/in", output_uri=output).output_uri == output


@pytest.mark.parametrize("value", [0, -1, "20", 1.5, True, None])
def test_the_job_limit_is_a_whole_number(value: object) -> None:
    """A text that looks like one is not taken for one."""
    with pytest.raises(BadSetting, match="'max_jobs_in_flight' must be a whole number from 1"):
        make_settings(max_jobs_in_flight=value)


def test_own_prices_are_kept_as_they_are() -> None:
    """A backfill reads them with its price table; without any there are none."""
    prices = {"image": 0.5, "source": "our contract"}

    assert Settings.read({**_MINIMUM, "prices": prices}).prices == prices
    assert Settings.read(_MINIMUM).prices == {}


@pytest.mark.parametrize("prices", [None, [], "cheap", 5])
def test_prices_are_an_object(prices: object) -> None:
    """The sentence says what they are instead."""
    with pytest.raises(BadSetting, match="'prices' must be a JSON object, not"):
        Settings.read({**_MINIMUM, "prices": prices})
