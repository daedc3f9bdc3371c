"""The operations on vector buckets, indexes, policies, tags and index modes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from nova_mme_local.s3vectors.catalog import Bucket, Catalog, Index, Params
from nova_mme_local.s3vectors.paging import fingerprint, read_token, write_token
from nova_mme_local.wire import AwsError

Answer = dict[str, Any]

# "Vector bucket naming rules" and "Vector index naming rules" in the user guide; the model has the length only.
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PAGE = 500
MAX_TAGS = 50

# "Index mode" in the user guide: a bucket made since 2026-09-30 has enhanced indexes and cannot go back.
INDEX_MODE = "ENHANCED"


class ControlPlane:
    """Handlers by operation: `handlers["CreateIndex"](params, region)` returns the answer's JSON object."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.handlers: dict[str, Callable[[Params, str], Answer]] = {
            "CreateVectorBucket": self.create_bucket,
            "GetVectorBucket": self.get_bucket,
            "ListVectorBuckets": self.list_buckets,
            "DeleteVectorBucket": self.delete_bucket,
            "PutVectorBucketPolicy": self.put_policy,
            "GetVectorBucketPolicy": self.get_policy,
            "DeleteVectorBucketPolicy": self.delete_policy,
            "PutVectorBucketDefaultIndexMode": self.put_default_mode,
            "CreateIndex": self.create_index,
            "GetIndex": self.get_index,
            "ListIndexes": self.list_indexes,
            "DeleteIndex": self.delete_index,
            "UpdateIndexMode": self.update_mode,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.list_tags,
        }

    def create_bucket(self, params: Params, region: str) -> Answer:
        """Create a vector bucket; its name is unique within account and region."""
        _check_name(params["vectorBucketName"], "vector bucket")
        bucket = self._catalog.add_bucket(
            region,
            {
                "vectorBucketName": params["vectorBucketName"],
                "encryptionConfiguration": _read_encryption(params) or {"sseType": "AES256"},
                "tags": _check_tags(params.get("tags") or {}),
            },
        )
        return {"vectorBucketArn": bucket.arn}

    def get_bucket(self, params: Params, region: str) -> Answer:
        """Describe one bucket."""
        bucket = self._catalog.find_bucket(params, region)
        return {
            "vectorBucket": {
                **_summarize_bucket(bucket),
                "encryptionConfiguration": bucket.document["encryptionConfiguration"],
                "defaultIndexMode": INDEX_MODE,
            }
        }

    def list_buckets(self, params: Params, region: str) -> Answer:
        """List the buckets of the region by name, in pages."""
        bound_to = fingerprint("ListVectorBuckets", region, params.get("prefix"))
        page, token = _cut_page(self._catalog.buckets(region), params, bound_to=bound_to)
        return {"vectorBuckets": [_summarize_bucket(bucket) for bucket in page], **token}

    def delete_bucket(self, params: Params, region: str) -> Answer:
        """Delete an empty bucket."""
        self._catalog.drop_bucket(self._catalog.find_bucket(params, region))
        return {}

    def put_policy(self, params: Params, region: str) -> Answer:
        """Keep a resource policy; it is not enforced."""
        bucket = self._catalog.find_bucket(params, region)
        try:
            policy = orjson.loads(params["policy"])
        except orjson.JSONDecodeError as error:
            raise AwsError("ValidationException", f"The policy is not valid JSON: {error}") from None
        if not isinstance(policy, dict):
            raise AwsError("ValidationException", "The policy must be a JSON object")
        bucket.document["policy"] = params["policy"]
        self._catalog.save(bucket)
        return {}

    def get_policy(self, params: Params, region: str) -> Answer:
        """Return the policy as it was put."""
        bucket = self._catalog.find_bucket(params, region)
        if "policy" not in bucket.document:
            raise AwsError("NotFoundException", f"The vector bucket {bucket.name} has no policy")
        return {"policy": bucket.document["policy"]}

    def delete_policy(self, params: Params, region: str) -> Answer:
        """Remove the policy, if there is one."""
        bucket = self._catalog.find_bucket(params, region)
        bucket.document.pop("policy", None)
        self._catalog.save(bucket)
        return {}

    def put_default_mode(self, params: Params, region: str) -> Answer:
        """Accept the one mode that a new bucket can have."""
        self._catalog.find_bucket(params, region)
        _check_mode(params["defaultIndexMode"])
        return {}

    def create_index(self, params: Params, region: str) -> Answer:
        """Create an index; dimension, metric and non-filterable keys are fixed from then on."""
        bucket = self._catalog.find_bucket(params, region)
        _check_name(params["indexName"], "index")
        hidden = (params.get("metadataConfiguration") or {}).get("nonFilterableMetadataKeys", [])
        if len(set(hidden)) < len(hidden):
            raise AwsError("ValidationException", "nonFilterableMetadataKeys must not contain a key twice")
        members = ("indexName", "dataType", "dimension", "distanceMetric", "metadataConfiguration")
        document = {name: params[name] for name in members if params.get(name) is not None}
        index = self._catalog.add_index(
            bucket,
            {
                **document,
                "vectorBucketName": bucket.name,
                "encryptionConfiguration": _read_encryption(params)
                or bucket.document["encryptionConfiguration"],
                "tags": _check_tags(params.get("tags") or {}),
            },
        )
        return {"indexArn": index.arn}

    def get_index(self, params: Params, region: str) -> Answer:
        """Describe one index; AWS tells no number of vectors, so neither do we."""
        index = self._catalog.find_index(params, region)
        told = {name: value for name, value in index.document.items() if name != "tags"}
        return {"index": {**told, "indexArn": index.arn, "indexMode": INDEX_MODE}}

    def list_indexes(self, params: Params, region: str) -> Answer:
        """List the indexes of a bucket by name, in pages."""
        bucket = self._catalog.find_bucket(params, region)
        bound_to = fingerprint("ListIndexes", bucket.arn, params.get("prefix"))
        with self._catalog.lock:
            indexes = sorted(bucket.indexes.values(), key=lambda index: index.name)
        page, token = _cut_page(indexes, params, bound_to=bound_to)
        return {"indexes": [_summarize_index(index) for index in page], **token}

    def delete_index(self, params: Params, region: str) -> Answer:
        """Delete an index with all its vectors."""
        self._catalog.drop_index(self._catalog.find_index(params, region), region)
        return {}

    def update_mode(self, params: Params, region: str) -> Answer:
        """Accept the one mode that an index of a new bucket can have."""
        self._catalog.find_index(params, region)
        _check_mode(params["indexMode"])
        return {}

    def tag(self, params: Params, region: str) -> Answer:
        """Add tags, replacing those of the same key."""
        holder = self._find_tagged(params["resourceArn"], region)
        holder.document["tags"] = _check_tags({**holder.document["tags"], **params["tags"]})
        self._catalog.save(holder)
        return {}

    def untag(self, params: Params, region: str) -> Answer:
        """Remove tags by key."""
        holder = self._find_tagged(params["resourceArn"], region)
        gone = set(params["tagKeys"])
        holder.document["tags"] = {k: v for k, v in holder.document["tags"].items() if k not in gone}
        self._catalog.save(holder)
        return {}

    def list_tags(self, params: Params, region: str) -> Answer:
        """Return the tags of a bucket or an index."""
        return {"tags": self._find_tagged(params["resourceArn"], region).document["tags"]}

    def _find_tagged(self, arn: str, region: str) -> Bucket | Index:
        if "/index/" in arn:
            return self._catalog.find_index({"indexArn": arn}, region)
        return self._catalog.find_bucket({"vectorBucketArn": arn}, region)


def _check_name(name: str, kind: str) -> None:
    if NAME.fullmatch(name) is None:
        raise AwsError(
            "ValidationException",
            f"Invalid {kind} name '{name}': use 3 to 63 lowercase letters, digits, hyphens and dots, "
            "beginning and ending with a letter or a digit",
        )


def _check_mode(mode: str) -> None:
    if mode != INDEX_MODE:
        raise AwsError("ValidationException", f"The index mode of this bucket can only be {INDEX_MODE}")


def _check_tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > MAX_TAGS:
        raise AwsError("ValidationException", f"A resource can have at most {MAX_TAGS} tags")
    return dict(tags)


def _read_encryption(params: Params) -> dict[str, str] | None:
    encryption = params.get("encryptionConfiguration")
    if encryption and (encryption.get("sseType") == "aws:kms") != ("kmsKeyArn" in encryption):
        raise AwsError("ValidationException", "kmsKeyArn goes with sseType aws:kms, and only with it")
    return encryption


def _summarize_bucket(bucket: Bucket) -> Answer:
    return {
        "vectorBucketName": bucket.name,
        "vectorBucketArn": bucket.arn,
        "creationTime": bucket.document["creationTime"],
    }


def _summarize_index(index: Index) -> Answer:
    return {
        "vectorBucketName": index.document["vectorBucketName"],
        "indexName": index.name,
        "indexArn": index.arn,
        "creationTime": index.document["creationTime"],
    }


def _cut_page(holders: Sequence[Any], params: Params, *, bound_to: str) -> tuple[Sequence[Any], Answer]:
    """Return one page of buckets or indexes (sorted by name) and the members that tell about the next."""
    after = read_token(params.get("nextToken"), bound_to=bound_to) or ""
    prefix = params.get("prefix") or ""
    rest = [holder for holder in holders if holder.name > after and holder.name.startswith(prefix)]
    page = rest[: params.get("maxResults") or PAGE]
    token = {"nextToken": write_token(page[-1].name, bound_to=bound_to)} if len(rest) > len(page) else {}
    return page, token
