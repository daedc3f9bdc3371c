"""Which vector buckets and indexes exist, and how a request names them: by name or by ARN."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nova_mme_local.account import ACCOUNT
from nova_mme_local.s3vectors.archive import Archive
from nova_mme_local.s3vectors.matrix import Matrix
from nova_mme_local.s3vectors.records import Shape
from nova_mme_local.wire import AwsError

Params = Mapping[str, Any]


@dataclass(slots=True)
class Index:
    """One index: `document` is what GetIndex answers plus its tags; writers hold `writing` while they store."""

    arn: str
    document: dict[str, Any]
    matrix: Matrix
    shape: Shape
    writing: threading.Lock = field(default_factory=threading.Lock)
    dropped: bool = False  # set under `writing`: a put that waited for it must not store any more

    @property
    def name(self) -> str:
        """The name within its bucket."""
        return str(self.document["indexName"])


@dataclass(slots=True)
class Bucket:
    """One vector bucket: `document` is what GetVectorBucket answers plus its policy and tags."""

    arn: str
    region: str
    document: dict[str, Any]
    indexes: dict[str, Index] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name, unique within the region."""
        return str(self.document["vectorBucketName"])


class Catalog:
    """All buckets and indexes, loaded from the archive and written through to it."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.lock = threading.RLock()
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._load()

    def buckets(self, region: str) -> list[Bucket]:
        """Return the buckets of a region by name."""
        with self.lock:
            return sorted((b for b in self._buckets.values() if b.region == region), key=lambda b: b.name)

    def find_bucket(self, params: Params, region: str) -> Bucket:
        """Return the bucket that a request names by vectorBucketName or vectorBucketArn (one of them)."""
        name, arn = params.get("vectorBucketName"), params.get("vectorBucketArn")
        if (name is None) == (arn is None):
            raise AwsError("ValidationException", "Specify either vectorBucketName or vectorBucketArn")
        arn = arn or bucket_arn(region, str(name))
        with self.lock:
            bucket = self._buckets.get((region, arn.rpartition("/")[2]))
        if bucket is None or bucket.arn != arn:
            raise AwsError("NotFoundException", f"The vector bucket {name or arn} could not be found")
        return bucket

    def find_index(self, params: Params, region: str) -> Index:
        """Return the index that a request names by indexArn, or by vectorBucketName and indexName."""
        bucket, name, arn = params.get("vectorBucketName"), params.get("indexName"), params.get("indexArn")
        by_name = bucket is not None and name is not None and arn is None
        by_arn = bucket is None and name is None and arn is not None
        if not (by_name or by_arn):
            raise AwsError(
                "ValidationException", "Specify either indexArn or both vectorBucketName and indexName"
            )
        if arn is not None:
            bucket, _, name = arn.partition(":bucket/")[2].partition("/index/")
        with self.lock:
            holder = self._buckets.get((region, str(bucket)))
            index = holder.indexes.get(str(name)) if holder else None
        if index is None or (arn is not None and index.arn != arn):
            raise AwsError("NotFoundException", f"The index {arn or f'{bucket}/{name}'} could not be found")
        return index

    def add_bucket(self, region: str, document: dict[str, Any]) -> Bucket:
        """Create a bucket; AwsError("ConflictException") when its name is taken in the region."""
        name = document["vectorBucketName"]
        bucket = Bucket(bucket_arn(region, name), region, {**document, "creationTime": int(time.time())})
        with self.lock:
            if (region, name) in self._buckets:
                raise AwsError("ConflictException", f"A vector bucket named {name} already exists")
            self.archive.save_bucket(region, name, bucket.document)
            self._buckets[region, name] = bucket
        return bucket

    def add_index(self, bucket: Bucket, document: dict[str, Any]) -> Index:
        """Create an index; AwsError("ConflictException") when its name is taken in the bucket."""
        name = document["indexName"]
        arn = f"{bucket.arn}/index/{name}"
        with self.lock:
            if self._buckets.get((bucket.region, bucket.name)) is not bucket:
                raise AwsError("NotFoundException", f"The vector bucket {bucket.name} could not be found")
            if name in bucket.indexes:
                raise AwsError("ConflictException", f"An index named {name} already exists in {bucket.name}")
            index = _open_index(arn, {**document, "creationTime": int(time.time())})
            self.archive.save_index(arn, index.document)
            bucket.indexes[name] = index
        return index

    def drop_bucket(self, bucket: Bucket) -> None:
        """Delete an empty bucket; AwsError("ConflictException") when it still has indexes."""
        with self.lock:
            if bucket.indexes:
                raise AwsError(
                    "ConflictException",
                    f"The vector bucket {bucket.name} is not empty: delete its indexes first",
                )
            self.archive.drop_bucket(bucket.region, bucket.name)
            self._buckets.pop((bucket.region, bucket.name), None)

    def drop_index(self, index: Index, region: str) -> None:
        """Delete an index with all its vectors."""
        with self.lock, index.writing:
            index.dropped = True
            self.archive.drop_index(index.arn)
            self._buckets[region, index.document["vectorBucketName"]].indexes.pop(index.name, None)

    def save(self, holder: Bucket | Index) -> None:
        """Write a changed document through."""
        if isinstance(holder, Bucket):
            self.archive.save_bucket(holder.region, holder.name, holder.document)
        else:
            self.archive.save_index(holder.arn, holder.document)

    def clear(self) -> None:
        """Forget everything, on disk too."""
        with self.lock:
            self.archive.clear()
            self._buckets.clear()

    def _load(self) -> None:
        for region, name, document in self.archive.load_buckets():
            self._buckets[region, name] = Bucket(bucket_arn(region, name), region, document)
        for arn, document in self.archive.load_indexes():
            index = _open_index(arn, document)
            region = arn.split(":")[3]
            self._buckets[region, document["vectorBucketName"]].indexes[index.name] = index
            for batch in self.archive.load_vectors(arn, index.shape.dimension):
                index.matrix.put(batch.keys, batch.rows, batch.metadata)


def bucket_arn(region: str, name: str) -> str:
    """Return the ARN of a vector bucket of this account."""
    return f"arn:aws:s3vectors:{region}:{ACCOUNT}:bucket/{name}"


def _open_index(arn: str, document: dict[str, Any]) -> Index:
    cosine = document["distanceMetric"] == "cosine"
    hidden = (document.get("metadataConfiguration") or {}).get("nonFilterableMetadataKeys", ())
    shape = Shape(document["dimension"], cosine, frozenset(hidden))
    return Index(arn, document, Matrix(shape.dimension, cosine=cosine), shape)
