"""What was reopened is stored again by the next run, through the pipeline's own steps."""

from __future__ import annotations

from core.builders import make_run
from core.deployment import Deployment, texts
from core.stocked import compare, keys_of, mend, put, take

from nova_mme.row import Status
from nova_mme.space import DIMENSIONS

_RUN = make_run(segment_characters=800)
_LONG = " ".join(f"Sentence {number} tells of cats, of coffee and of rain." for number in range(40)).encode()


def test_a_hole_is_filled_without_a_job(deployment: Deployment) -> None:
    """The next run finds the finished job, puts the same vectors, and pays for nothing."""
    source, *_ = texts(deployment, 3)
    deployment.embed(_RUN)
    (key,) = keys_of(source, 1)
    before = {dimension: deployment.vector(dimension, key)["data"] for dimension in DIMENSIONS}
    take(deployment, 384, key)
    take(deployment, 3072, key)
    assert compare(deployment).kinds == {"hole": 1}
    mend(deployment)
    started = deployment.jobs_started()

    outcomes = deployment.embed(_RUN)

    assert [(outcome.source, outcome.status) for outcome in outcomes] == [(source.uri, "stored")]
    assert deployment.jobs_started() == started
    assert {dimension: deployment.vector(dimension, key)["data"] for dimension in DIMENSIONS} == before
    assert compare(deployment).kinds == {}


def test_a_stale_vector_is_replaced_without_a_job(deployment: Deployment) -> None:
    """An older version's vectors, and one more than the source has, are gone after the next run."""
    source = deployment.upload("a.txt", _LONG)
    deployment.embed(_RUN)
    put(deployment, 256, f"{source.object_id}/TEXT/1", etag="older")
    assert compare(deployment).kinds == {"stale": 1}
    mend(deployment)
    started = deployment.jobs_started()

    deployment.embed(_RUN)

    assert deployment.jobs_started() == started
    assert deployment.vector(256, f"{source.object_id}/TEXT/1")["metadata"]["etag"] == source.etag
    assert compare(deployment).kinds == {}


def test_a_hole_whose_output_has_expired_is_embedded_again(deployment: Deployment) -> None:
    """Nothing is left to store from: the source fails as retryable, and the run after that pays for a job."""
    source = deployment.upload("a.txt", _LONG)
    deployment.embed(_RUN)
    take(deployment, 1024, f"{source.object_id}/TEXT/2")
    compare(deployment)
    mend(deployment)
    for key in deployment.output_files():
        deployment.s3.delete_object(Bucket="output", Key=key)
    started = deployment.jobs_started()

    deployment.embed(_RUN)
    deployment.embed(_RUN)

    assert deployment.jobs_started() == started + 1
    assert deployment.row(source).status is Status.STORED
    assert deployment.all_keys() == keys_of(source)
    assert compare(deployment).kinds == {}


def test_a_segment_that_the_model_failed_is_no_hole(deployment: Deployment) -> None:
    """A source that was stored in part is in step."""
    deployment.put_faults({"job": "a.txt", "failed_segments": [1]})
    source = deployment.upload("a.txt", _LONG)
    deployment.embed(_RUN)
    assert deployment.row(source).status is Status.PARTIAL

    assert compare(deployment).kinds == {}


def test_a_shorter_version_leaves_nothing_to_find(deployment: Deployment) -> None:
    """After a change of content, what the ledger says and what the indexes have is one again."""
    deployment.upload("a.txt", _LONG)
    deployment.embed(_RUN)
    source = deployment.upload("a.txt", b"Short now.")
    deployment.embed(_RUN)

    compared = compare(deployment)

    assert (compared.kinds, compared.tally["vectors"]) == ({}, 4)
    assert deployment.all_keys() == keys_of(source, 1)
