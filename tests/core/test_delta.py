"""What is embedded, again or not at all, as the bucket changes: identity, content and recipe are three things."""

from __future__ import annotations

import pytest
from core.builders import make_run
from core.deployment import Deployment

from nova_mme.modality import Modality
from nova_mme.source import object_id

_NAMES = [
    "a/report.txt",
    "b/report.txt",
    "with blank/ü é ☕.txt",
    "percent%20sign+plus.txt",
    "dots/../report.txt",
    'quote\'s "and" more.txt',
    "UPPER.TXT",
    "trailing dot..txt",
]


def _embedded(deployment: Deployment) -> dict[str, str]:
    """Source URI -> etag, as the vectors of the smallest index tell it."""
    answer = deployment.s3vectors.list_vectors(
        vectorBucketName="vectors", indexName=deployment.index(256), returnMetadata=True
    )
    return {vector["metadata"]["sourceS3Uri"]: vector["metadata"]["etag"] for vector in answer["vectors"]}


def test_every_name_is_a_source_of_its_own(deployment: Deployment) -> None:
    """One base name in two folders, blanks, accents, signs: all are stored, and none takes another's place."""
    sources = [deployment.upload(name, f"This is {name}.".encode()) for name in _NAMES]

    outcomes = deployment.embed(make_run())

    assert {outcome.status for outcome in outcomes} == {"stored"}
    assert _embedded(deployment) == {source.uri: source.etag for source in sources}
    assert {key.split("/")[0] for key in deployment.all_keys()} == {object_id(s.uri) for s in sources}


def test_nothing_changed_is_nothing_done(deployment: Deployment) -> None:
    """A second run starts no job and puts no vector."""
    for name in _NAMES:
        deployment.upload(name, b"The same content everywhere.")
    deployment.embed(make_run())
    before = deployment.jobs_started(), deployment.calls("s3vectors.PutVectors")

    assert deployment.embed(make_run()) == []

    assert (deployment.jobs_started(), deployment.calls("s3vectors.PutVectors")) == before


def test_the_same_content_under_two_keys_is_two_sources(deployment: Deployment) -> None:
    """Identity is the place; each is searchable, and deleting one leaves the other."""
    one, two = (deployment.upload(name, b"One and the same.") for name in ("one.txt", "two.txt"))

    deployment.embed(make_run())

    assert one.etag == two.etag
    assert len(deployment.all_keys()) == 2


def test_a_renamed_file_is_embedded_under_its_new_name(deployment: Deployment) -> None:
    """The old name's vectors are reconcile's to delete: a run never deletes what it was not asked about."""
    deployment.upload("old.txt", b"A file.")
    deployment.embed(make_run())
    deployment.upload("new.txt", b"A file.")
    deployment.s3.delete_object(Bucket="media", Key="old.txt")

    outcomes = deployment.embed(make_run())

    assert [outcome.source for outcome in outcomes] == ["s3://media/new.txt"]


@pytest.mark.parametrize("versioned", [False, True], ids=["plain bucket", "versioned bucket"])
def test_a_shorter_version_leaves_nothing_behind(deployment: Deployment, versioned: bool) -> None:
    """The new segments go in first; then those left over from the longer version go, in all four indexes."""
    if versioned:
        deployment.s3.put_bucket_versioning(Bucket="media", VersioningConfiguration={"Status": "Enabled"})
    run = make_run(segment_characters=800)
    deployment.upload("a.txt", b"Many words and more of them. " * 200)
    deployment.embed(run)
    long = deployment.all_keys()
    shorter = deployment.upload("a.txt", b"Few words.")
    with deployment.record("s3vectors") as sent:
        deployment.embed(run)

    assert len(long) > 5
    assert deployment.all_keys() == {f"{shorter.object_id}/TEXT/0"}
    writes = [call.operation for call in sent if call.operation in ("PutVectors", "DeleteVectors")]
    assert writes == sorted(writes, reverse=True)  # every put is before the first deletion
    assert _embedded(deployment) == {shorter.uri: shorter.etag}


def test_touched_but_not_changed_is_left_alone(deployment: Deployment) -> None:
    """Uploaded again with the same content: the etag is the same, the date is not."""
    first = deployment.upload("a.txt", b"The same.")
    deployment.embed(make_run())
    second = deployment.upload("a.txt", b"The same.", Metadata={"touched": "yes"})

    assert first.etag == second.etag
    assert deployment.plan(make_run()).counts == {"unchanged": 1}


def test_another_modalitys_run_does_not_touch_it(deployment: Deployment) -> None:
    """Each DAG has its own files."""
    deployment.upload("a.txt", b"A text.")

    assert deployment.plan(make_run(Modality.AUDIO)).works == []
