"""The projection from features to 3072 coordinates, and its prefixes."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nova_mme.matryoshka import truncate
from nova_mme_local.embedder.embedder import Embedder
from nova_mme_local.embedder.projection import Projection, take_prefix

TEXT = "The kettle whistles while the tea is steeping."


def test_signs_are_the_bits_of_shake_256() -> None:
    """A single feature gives its signs: the same ones on every machine, for ever."""
    vector = Projection("seed").spread_names({"name": 1.0})
    signs = "".join("+" if value > 0 else "-" for value in vector[:24])
    assert np.allclose(np.abs(vector), 3072**-0.5)
    assert signs == "+-+--++--+-+--------+-++"  # of shake_256(b"seed/name")


@pytest.mark.parametrize("dimension", [256, 384, 1024, 3072])
def test_prefixes_have_unit_norm_and_are_what_the_core_truncates_to(dimension: int) -> None:
    """A prefix has norm 1 and equals the core's truncation of the 3072-d answer."""
    vector = Embedder("nova-1").embed_text(TEXT)
    answer = take_prefix(vector, dimension)
    full = take_prefix(vector, 3072).astype(np.float64)[np.newaxis]
    assert answer.shape == (dimension,)
    assert np.linalg.norm(answer.astype(np.float64)) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(answer, truncate(full, dimension)[0], atol=1e-7, rtol=0)


def test_a_shorter_prefix_estimates_the_same_cosines() -> None:
    """Over many pairs, the cosine at 256 errs by about 1/16 and less at 1024."""
    vectors = [Embedder("nova-1").embed_text(" ".join(TEXT.split()[n:] + ["word"] * n)) for n in range(9)]
    pairs = list(itertools.combinations(vectors, 2))

    def error(dimension: int) -> float:
        short = [float(take_prefix(a, dimension) @ take_prefix(b, dimension)) for a, b in pairs]
        return float(np.std(np.array(short) - [float(a @ b) for a, b in pairs]))

    assert error(1024) < error(256) < 2 / 16


def test_another_process_makes_the_same_bits() -> None:
    """Nothing depends on hash seeds, on a random generator or on the process."""
    program = (
        "import hashlib; from nova_mme_local.embedder.embedder import Embedder;"
        "from nova_mme_local.embedder.projection import take_prefix;"
        f"print(hashlib.sha256(take_prefix(Embedder('nova-1').embed_text({TEXT!r}), 3072).tobytes()).hexdigest())"
    )
    include = Path(__file__).parents[2] / "include"

    def run(threads: str) -> str:
        settings = {"PYTHONPATH": str(include), "OPENBLAS_NUM_THREADS": threads}
        return subprocess.run(
            [sys.executable, "-c", program], env=settings, check=True, text=True, capture_output=True
        ).stdout

    assert run("1") == run("2") != ""


def test_two_seeds_are_two_spaces() -> None:
    """Vectors of the same text under two seeds are unrelated."""
    one, other = (Embedder(seed).embed_text(TEXT) for seed in ("nova-1", "nova-2"))
    assert abs(float(one @ other)) < 0.08
