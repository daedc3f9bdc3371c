"""reconcile_embeddings on a real Airflow: what it reports, what it mends, and what the next run does about it."""

import pytest

from nova_mme.source import object_id

pytestmark = pytest.mark.e2e

DIMENSIONS = (256, 384, 1024, 3072)
START = "bedrock-runtime.StartAsyncInvoke"
KINDS = ("departed", "orphan", "hole", "stale")


def reconcile(deployment, prefix, **conf):
    """Run the DAG with one prefix as its source; returns its state and its report."""
    conf["source_uri"] = f"s3://nova-mme-media/{prefix}"
    return deployment.finish("reconcile_embeddings", deployment.start("reconcile_embeddings", **conf))


def read(deployment, uri):
    """An object's text."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return deployment.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()


def state(deployment, prefix):
    """The keys in each of the indexes, and the ledger's sources, below the prefix."""
    stored = {dimension: set(deployment.stored(dimension, prefix)) for dimension in DIMENSIONS}
    rows = {item["uri"] for item in deployment.ledger.scan()["Items"] if f"/{prefix}/" in item.get("uri", "")}
    return stored, rows


def test_what_is_at_odds_is_reported_then_mended_then_filled(deployment, samples):
    """A deleted object, an orphan and a hole: named by a dry run, mended by a real one, filled without a job."""
    files = sorted((samples / "text").iterdir())[:3]
    deployment.upload("odds", *files)
    assert deployment.embed("text", prefix="odds/")["stored"] == 3
    gone, holed, kept = (f"s3://nova-mme-media/odds/{file.name}" for file in files)
    complete, _ = state(deployment, "odds")
    index = {"vectorBucketName": "nova-mme-vectors", "indexName": "embeddings-1024d"}
    orphan = f"nobody-{'0' * 16}/TEXT/0"
    deployment.s3.delete_object(Bucket="nova-mme-media", Key=gone.removeprefix("s3://nova-mme-media/"))
    deployment.vectors.delete_vectors(**index, keys=[f"{object_id(holed)}/TEXT/0"])
    vector = {
        "key": orphan,
        "data": {"float32": [1.0] + [0.0] * 1023},
        "metadata": {"sourceS3Uri": "s3://nova-mme-media/odds/x"},
    }
    deployment.vectors.put_vectors(**index, vectors=[vector])
    before = state(deployment, "odds")

    ended, dry = reconcile(deployment, "odds")

    assert ended == "success"
    assert {kind: dry[kind] for kind in KINDS} == {"departed": 1, "orphan": 1, "hole": 1, "stale": 0}
    assert (dry["dry_run"], dry["mended"]) == (True, None)
    page = read(deployment, dry["findings_uri"])
    assert all(name in page for name in (gone, holed, orphan))
    assert kept not in page
    assert state(deployment, "odds") == before

    ended, real = reconcile(deployment, "odds", dry_run=False, max_deleted_fraction=0.5)

    assert ended == "success"
    assert (real["mended"]["removed"], real["mended"]["reopened"]) == (1, 1)
    stored, rows = state(deployment, "odds")
    assert rows == {holed, kept}
    assert not any(key.startswith((object_id(gone), "nobody")) for keys in stored.values() for key in keys)

    started = deployment.calls()[START]
    refill = deployment.embed("text", prefix="odds/")

    assert (refill["sources"], refill["stored"], refill["unchanged"]) == (1, 1, 1)
    assert deployment.calls()[START] == started
    stored, _ = state(deployment, "odds")
    assert stored == {
        dimension: {key for key in keys if not key.startswith(object_id(gone))}
        for dimension, keys in complete.items()
    }
    assert {kind: reconcile(deployment, "odds")[1][kind] for kind in KINDS} == dict.fromkeys(KINDS, 0)


def test_too_much_at_once_is_refused(deployment, samples):
    """The run fails without a retry, says why, and changes nothing."""
    files = sorted((samples / "text").iterdir())[:2]
    deployment.upload("much", *files)
    assert deployment.embed("text", prefix="much/")["stored"] == 2
    for file in files:
        deployment.s3.delete_object(Bucket="nova-mme-media", Key=f"much/{file.name}")
    before = state(deployment, "much")

    run_id = deployment.start("reconcile_embeddings", dry_run=False, source_uri="s3://nova-mme-media/much")

    assert deployment.api.wait("reconcile_embeddings", run_id, timeout=120) == "failed"
    log = str(deployment.api.log("reconcile_embeddings", run_id, "mend"))
    assert "2 of 2 sources that have vectors would be removed" in log
    assert state(deployment, "much") == before
