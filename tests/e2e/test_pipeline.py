"""From a bucket to four indexes, through a real scheduler, triggerer, dag-processor and api-server."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import orjson
import pytest

from nova_mme.matryoshka import truncate
from nova_mme.source import object_id

pytestmark = pytest.mark.e2e

DIMENSIONS = (256, 384, 1024, 3072)
PUT = "s3vectors.PutVectors"
START = "bedrock-runtime.StartAsyncInvoke"


def raw_outputs(deployment, source):
    """What the model wrote for a source: {(embedding type, segment index): 3072 float64}."""
    row = deployment.ledger.get_item(Key={"object_id": object_id(source), "space": space_of(deployment)})[
        "Item"
    ]
    answer = deployment.bedrock.get_async_invoke(invocationArn=row["invocation_arn"])
    folder = answer["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"]
    summary = json.loads(read(deployment, f"{folder}/segmented-embedding-result.json"))
    found = {}
    for result in summary["embeddingResults"]:
        for line in read(deployment, result["outputFileUri"]).splitlines():
            record = orjson.loads(line)
            index = record["segmentMetadata"]["segmentIndex"]
            found[result["embeddingType"], index] = np.array(record["embedding"], np.float64)
    return found


def read(deployment, uri):
    """An object's bytes."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return deployment.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def space_of(deployment):
    """The space that the stack's settings name."""
    return "nova-2-mme-v1-0-local-features-1"


def test_every_modality_ends_in_all_four_indexes(deployment, samples):
    """Four DAGs at once: whole, at unit norm, exactly truncated, described, and waited for in the triggerer."""
    for folder in ("text", "image", "video", "audio"):
        deployment.upload("all", *sorted((samples / folder).iterdir())[:3])
    deployment.set_faults({"job": "all/.*[.](mp4|mov|webm)", "delay_seconds": 15})
    modalities = ("text", "image", "video", "audio")
    runs = {name: deployment.start(f"embed_{name}", prefix="all/") for name in modalities}
    ends = {name: deployment.finish(f"embed_{name}", run_id) for name, run_id in runs.items()}

    assert {
        name: (state, end["stored"], end["failed"]) for name, (state, end) in ends.items()
    } == dict.fromkeys(modalities, ("success", 3, 0))
    stored = {dimension: deployment.stored(dimension, "all") for dimension in DIMENSIONS}
    segments = sum(end["segments"] for _, end in ends.values())
    assert {dimension: len(vectors) for dimension, vectors in stored.items()} == dict.fromkeys(
        DIMENSIONS, segments
    )
    assert len({frozenset(vectors) for vectors in stored.values()}) == 1
    assert_exact(deployment, stored)
    for dimension, vectors in stored.items():
        for key, vector in vectors.items():
            assert_described(key, vector["metadata"], dimension)
    logs = str(deployment.api.log("embed_video", runs["video"], "shard.wait", map_index=0))
    assert "Waiting in the triggerer" in logs


def assert_exact(deployment, stored):
    """Every stored vector is, bit for bit, the model's own vector cut and renormalised in float64."""
    sources = {vector["metadata"]["sourceS3Uri"] for vector in stored[3072].values()}
    with ThreadPoolExecutor(4) as pool:
        outputs = dict(zip(sources, pool.map(lambda uri: raw_outputs(deployment, uri), sources), strict=True))
    for dimension, vectors in stored.items():
        for vector in vectors.values():
            about = vector["metadata"]
            full = outputs[about["sourceS3Uri"]][about["embeddingType"], about["segmentIndex"]]
            expected = truncate(full[np.newaxis], dimension)[0]
            kept = np.array(vector["data"]["float32"], np.float32)
            assert kept.tobytes() == expected.tobytes()
            assert abs(np.linalg.norm(kept.astype(np.float64)) - 1) < 1e-6


def assert_described(key, about, dimension):
    """The metadata has the reference names, and the key is made of them."""
    assert key == f"{about['objectId']}/{about['embeddingType']}/{about['segmentIndex']}"
    assert about["objectId"] == object_id(about["sourceS3Uri"])
    assert about["embeddingDimension"] == dimension
    expected = {
        "modalityType",
        "fileType",
        "fileSize",
        "uploadTimestamp",
        "processingTimestamp",
        "space",
        "recipe",
    }
    expected |= {"contentType", "fileName", "etag"}
    expected |= {
        "text": {"segmentStartCharPosition", "segmentEndCharPosition", "text"},
        "image": set(),
    }.get(about["modalityType"], {"segmentStartSeconds", "segmentEndSeconds"})
    assert expected <= about.keys()


def test_an_unchanged_bucket_costs_nothing(deployment, samples):
    """The second run lists and looks, and that is all: 0 jobs, 0 puts."""
    deployment.upload("again", *sorted((samples / "text").iterdir())[:2])
    assert deployment.embed("text", prefix="again/")["stored"] == 2
    before = deployment.calls()

    second = deployment.embed("text", prefix="again/")

    after = deployment.calls()
    assert (second["sources"], second["unchanged"]) == (0, 2)
    assert {name: after[name] - before[name] for name in (START, PUT)} == {START: 0, PUT: 0}


def test_bad_input_is_named_and_its_neighbours_are_stored(deployment, samples):
    """Each bad file is in the report with its reason; the good ones are searchable."""
    good = sorted((samples / "text").iterdir())[0]
    deployment.upload("bad", good)
    deployment.put("bad/empty.txt", b"")
    deployment.put("bad/picture.txt", (samples / "image" / "astronaut.jpg").read_bytes())
    deployment.put("bad/archive.xyz", b"PK")
    deployment.put("bad/refused.txt", b"The model will fail this one.")
    deployment.put("bad/half.txt", b"A sentence about cats and rain. " * 60)
    deployment.set_faults(
        {"job": "bad/refused.txt", "status": "Failed", "message": "Content could not be processed."},
        {"job": "bad/half.txt", "failed_segments": [1], "failure_reason": "INVALID_CONTENT"},
    )

    summary = deployment.embed("text", prefix="bad/", segment_characters=800, max_failed_fraction=0.75)

    reasons = {item["source"].rsplit("/", 1)[-1]: item["reason"] for item in summary["failures"]}
    assert reasons == {
        "empty.txt": "empty_file",
        "picture.txt": "content_is_not_its_type",
        "refused.txt": "job_failed",
        "half.txt": "invalid_content",
    }
    assert (summary["stored"], summary["partial"], summary["failed"]) == (2, 1, 3)
    page = read(deployment, summary["report_uri"]).decode()
    assert "bad/archive.xyz" in page
    assert "Content could not be processed." in page
    names = {vector["metadata"]["fileName"] for vector in deployment.stored(256, "bad").values()}
    assert names == {good.name, "half.txt"}


def test_a_run_with_too_many_failures_is_red(deployment):
    """It fails loudly, and its report is there all the same."""
    deployment.put("red/empty.txt", b"")

    state, summary = deployment.finish(
        "embed_text", deployment.start("embed_text", prefix="red/", max_failed_fraction=0)
    )

    assert (state, summary["failed"]) == ("failed", 1)


def test_a_forced_run_pays_again_and_a_changed_recipe_replaces(deployment):
    """Force starts new jobs; a longer segment leaves none of the shorter ones behind."""
    deployment.put("recipe/a.txt", b"Rain falls on the roof of the old house. " * 100)
    first = deployment.embed("text", prefix="recipe/", segment_characters=800)
    before = deployment.calls()[START]

    forced = deployment.embed("text", prefix="recipe/", segment_characters=800, force=True)
    assert (forced["segments"], deployment.calls()[START] - before) == (first["segments"], 1)

    longer = deployment.embed("text", prefix="recipe/", segment_characters=50_000)
    assert first["segments"] > longer["segments"] == 1
    assert {d: len(deployment.stored(d, "recipe")) for d in DIMENSIONS} == dict.fromkeys(DIMENSIONS, 1)


def test_the_operator_and_the_sensor_in_ones_own_dag(deployment):
    """One source or many, deferring or not: each task ends with what the jobs made."""
    deployment.put("own/a.txt", b"Cats purr when they are content.")
    deployment.put("own/b.txt", b"Coffee is brewed with hot water.")

    run_id = deployment.start("own_pipeline")
    assert deployment.api.wait("own_pipeline", run_id, timeout=180) == "success"

    arn = deployment.api.xcom("own_pipeline", run_id, "start_one")
    waited = deployment.api.xcom("own_pipeline", run_id, "wait_for_one")
    assert waited["output_s3_uri"] == f"s3://nova-mme-output/own/{arn.rsplit('/', 1)[-1]}"
    assert deployment.api.xcom("own_pipeline", run_id, "wait_on_worker")["completed"] == 2


def test_only_what_failed_is_taken_again_on_request(deployment):
    """A dead letter stays one until retry_failed asks for it; its neighbour is not paid for again."""
    for name in ("good", "mended"):
        deployment.put(f"letters/{name}.txt", f"A {name} text.".encode())
    deployment.set_faults({"job": "letters/mended", "status": "Failed", "message": "Content is not valid."})
    assert deployment.embed("text", prefix="letters/")["failed"] == 1
    deployment.set_faults()
    before = deployment.calls()[START]
    assert deployment.embed("text", prefix="letters/")["dead_letters"] == 1
    assert deployment.calls()[START] == before

    summary = deployment.embed("text", prefix="letters/", retry_failed=True)

    assert (summary["sources"], summary["stored"], deployment.calls()[START] - before) == (1, 1, 1)
    names = {vector["metadata"]["fileName"] for vector in deployment.stored(3072, "letters").values()}
    assert names == {"good.txt", "mended.txt"}


def test_the_pools_are_there_and_nothing_big_is_in_xcom(deployment, samples):
    """Setup's run made the pools; XCom holds handles and counts."""
    pools = {pool["name"]: pool["slots"] for pool in deployment.api.get("pools", limit=100)["pools"]}
    assert (pools["nova_mme_submit"], pools["nova_mme_store"]) == (4, 4)
    deployment.upload("small", *sorted((samples / "audio").iterdir())[:2])
    run_id = deployment.start("embed_audio", prefix="small/")
    deployment.finish("embed_audio", run_id)

    for task in deployment.api.task_instances("embed_audio", run_id):
        value = deployment.api.xcom("embed_audio", run_id, task["task_id"], task["map_index"])
        assert len(json.dumps(value)) < 2000
