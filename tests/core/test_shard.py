"""Shards: how sources are grouped, and manifests that bring back what the run was asked to do."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from core.builders import make_run, make_settings, make_source
from core.deployment import Deployment

from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.run import LIMIT_MAX, Run
from nova_mme.shard import SHARD_MAX, SHARD_MIN, Shard, Work, run_folder, shard_size, write_shards
from nova_mme.source import S3Uri
from nova_mme.space import Space

_MAX_MAP_LENGTH = 1024  # Airflow's default of core.max_map_length


@pytest.mark.parametrize(
    ("count", "size"),
    [(0, 10), (1, 10), (10, 10), (320, 10), (321, 11), (640, 20), (1600, 50), (1601, 50), (50_000, 50)],
)
def test_a_run_is_cut_into_about_32_shards(count: int, size: int) -> None:
    """Never under 10 sources a shard, which would cost more time than work, and never over 50."""
    assert shard_size(count) == size


def test_the_largest_run_stays_below_airflows_mapping_limit() -> None:
    """A run over it would fail when it is expanded."""
    assert SHARD_MIN <= shard_size(LIMIT_MAX) <= SHARD_MAX
    assert -(-LIMIT_MAX // shard_size(LIMIT_MAX)) < _MAX_MAP_LENGTH


def _shard() -> Shard:
    run = Run(
        Recipe.standard(Modality.VIDEO, segment=6), prefix="ü/", limit=3, force=True, max_failed_fraction=0.1
    )
    works = (
        Work(make_source("ünï ☕/a b.mp4", etag="e-1"), 1, "new"),
        Work(make_source("b.mp4"), 3, "adopted", ("arn:aws:bedrock:x",)),
    )
    return Shard(7, make_settings(bucket_owner="111122223333"), make_settings().space, run, works)


def test_a_shard_comes_back_as_it_was(buckets: Deployment) -> None:
    """With settings and parameters: a task cleared next week does what this run was asked to do."""
    handle = _shard().write(buckets.s3, S3Uri("output", "runs/embed_video/r1"))

    assert Shard.read(buckets.s3, handle["manifest"]) == _shard()


def test_a_handle_is_small(buckets: Deployment) -> None:
    """It goes through XCom: where the manifest is, and how many sources it has, nothing that grows."""
    handle = _shard().write(buckets.s3, S3Uri("output", "runs/embed_video/r1"))

    assert handle == {
        "number": 7,
        "manifest": "s3://output/runs/embed_video/r1/shard-0007.json",
        "sources": 2,
    }


def test_a_manifest_of_an_older_release_is_read(buckets: Deployment) -> None:
    """A setting or parameter that it does not know yet takes its default."""
    shard = Shard(
        0, make_settings(), make_settings().space, make_run(), (Work(make_source("a.txt"), 1, "new"),)
    )
    manifest = shard.write(buckets.s3, S3Uri("output", "r"))["manifest"]
    place = S3Uri.parse(manifest)
    body = buckets.s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
    older = body.replace(b',"kms_key_id":""', b"").replace(b',"dag_run":""', b"")
    assert older != body
    buckets.s3.put_object(Bucket=place.bucket, Key=place.key, Body=older)

    assert Shard.read(buckets.s3, manifest) == shard


@pytest.mark.parametrize(
    ("run_id", "folder"),
    [
        (
            "manual__2026-11-20T10:00:00+00:00",
            "s3://out/nova/runs/embed_text/manual__2026-11-20T10:00:00+00:00",
        ),
        ("a/b/../c", "s3://out/nova/runs/embed_text/a_b_.._c"),
    ],
)
def test_each_run_has_a_folder_of_its_own(run_id: str, folder: str) -> None:
    """A run id is one path element, whatever it holds."""
    assert str(run_folder("s3://out/nova/", "embed_text", run_id)) == folder


def test_a_manifest_that_names_no_space_is_of_the_settings_one(buckets: Deployment) -> None:
    """It was written before there were several; its tasks may be cleared after the update."""
    shard = replace(_shard(), campaign="", dag_run="")
    manifest = shard.write(buckets.s3, S3Uri("output", "r"))["manifest"]
    place = S3Uri.parse(manifest)
    document = orjson.loads(buckets.s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read())
    for name in ("space", "campaign", "dag_run"):
        del document[name]
    del document["settings"]["prices"], document["run"]["takes_stale"], document["works"][0]["seen"]
    buckets.s3.put_object(Bucket=place.bucket, Key=place.key, Body=orjson.dumps(document))

    assert Shard.read(buckets.s3, manifest) == shard


def test_a_manifest_keeps_space_campaign_and_prices(buckets: Deployment) -> None:
    """A backfill's task pays from the same purse, into the same space, whenever it is cleared."""
    space = Space("amazon.next-v2:0", "r2", first=False)
    settings = make_settings(prices={"image": 0.5, "source": "our contract"})
    shard = replace(
        _shard(), settings=settings, space=space, campaign="backfill_embeddings/r1", dag_run="x/y"
    )

    manifest = shard.write(buckets.s3, S3Uri("output", "r"))["manifest"]

    assert Shard.read(buckets.s3, manifest) == shard


@pytest.mark.parametrize(("size", "sizes"), [(None, [10, 10, 3]), (9, [9, 9, 5]), (50, [23])])
def test_works_are_cut_into_shards(buckets: Deployment, size: int | None, sizes: list[int]) -> None:
    """Each once and in their order, numbered on from the one that they are like."""
    works = tuple(Work(make_source(f"{number}.txt"), 1, "new") for number in range(23))
    like = replace(_shard(), works=(), campaign="backfill_embeddings/r1")

    handles = write_shards(buckets.s3, S3Uri("output", "r"), works, like=like, size=size)

    assert [handle["sources"] for handle in handles] == sizes
    shards = [Shard.read(buckets.s3, handle["manifest"]) for handle in handles]
    assert [shard.number for shard in shards] == list(range(7, 7 + len(sizes)))
    assert tuple(work for shard in shards for work in shard.works) == works
    assert {replace(shard, number=7, works=()) == like for shard in shards} == {True}


def test_nothing_due_is_no_shard(buckets: Deployment) -> None:
    """And no manifest."""
    assert write_shards(buckets.s3, S3Uri("output", "r"), [], like=_shard()) == []
    assert buckets.output_files() == []
