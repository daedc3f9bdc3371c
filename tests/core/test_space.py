"""Spaces: one model and revision, a name, and four indexes that no other space shares."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from nova_mme.errors import BadSetting
from nova_mme.space import DIMENSIONS, FULL_DIMENSION, NOVA_MODEL_ID, Space

_SPACES = [
    Space(),
    Space(revision="local-1"),
    Space("amazon.nova-2-multimodal-embeddings-v2:0"),
    Space("amazon.titan-embed-text-v2:0"),
]


def test_the_dimensions_are_those_of_the_model() -> None:
    """One invocation at the largest; the others follow by truncation."""
    assert DIMENSIONS == (256, 384, 1024, 3072)
    assert max(DIMENSIONS) == FULL_DIMENSION


@pytest.mark.parametrize(
    ("space", "name"),
    [
        (Space(), "nova-2-mme-v1-0"),
        (Space(revision="local features/1"), "nova-2-mme-v1-0-local-features-1"),
        (Space(f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA_MODEL_ID}"), "nova-2-mme-v1-0"),
    ],
)
def test_a_space_has_a_short_name(space: Space, name: str) -> None:
    """The name is in ledger rows and metadata: it never changes."""
    assert space.name == name


def test_two_models_or_revisions_are_two_spaces() -> None:
    """Their vectors must never meet, so their names differ."""
    assert all(one.name != other.name for one, other in combinations(_SPACES, 2))


def test_the_first_space_has_the_plain_index_names() -> None:
    """The names that people rely on."""
    names = [Space().index_name(dimension) for dimension in DIMENSIONS]

    assert names == ["embeddings-256d", "embeddings-384d", "embeddings-1024d", "embeddings-3072d"]


def test_later_spaces_have_indexes_of_their_own() -> None:
    """No index name is that of another space or dimension."""
    later = [Space(space.model_id, space.revision, first=False) for space in _SPACES]
    names = [space.index_name(dimension) for space in (Space(), *later) for dimension in DIMENSIONS]

    assert later[0].index_name(384) == "embeddings-nova-2-mme-v1-0-384d"
    assert len(set(names)) == len(names)


def test_the_longest_name_is_still_an_index_name() -> None:
    """S3 Vectors takes 3 to 63 lower-case letters, digits, dots and hyphens."""
    longest = Space("m", "r" * 44, first=False)

    assert len(longest.name) == 46
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", longest.index_name(3072))
    with pytest.raises(BadSetting, match="46 characters"):
        Space("m", "r" * 45)


@pytest.mark.parametrize("dimension", [0, 255, 512, 2048, 4096])
def test_a_dimension_that_the_model_lacks_is_refused(dimension: int) -> None:
    """The sentence names it and the ones there are."""
    with pytest.raises(BadSetting, match=f"{dimension} is not one of .*3072"):
        Space().index_name(dimension)
