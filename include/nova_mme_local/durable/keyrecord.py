"""moto's S3 objects and delete markers as JSON, and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

# What FakeKey's constructor takes beyond name, body and place; kept under the same names.
TAKEN = (
    "encryption",
    "kms_key_id",
    "bucket_key_enabled",
    "lock_mode",
    "lock_legal_status",
    "lock_until",
    "checksum_value",
)
# What is set on a finished FakeKey.
SET_LATER = ("website_redirect_location", "checksum_algorithm", "checksum_type", "checksum_parts")


def is_marker(version: Any) -> bool:
    """Whether this is a delete marker: it has no body."""
    return not hasattr(version, "_value_buffer")


def describe_version(version: Any) -> dict[str, Any]:
    """Describe an object without its body, or a delete marker."""
    document = {"version_id": version._version_id, "last_modified": version.last_modified.isoformat()}
    if is_marker(version):
        return document
    return {
        **document,
        **{name: getattr(version, name, None) for name in (*TAKEN, *SET_LATER)},
        "etag": version.etag.strip('"'),
        "is_versioned": version._is_versioned,
        "storage": version.storage_class,
        "metadata": dict(version.metadata),
        "expiry": version._expiry.isoformat() if version._expiry else None,
        "acl": _describe_acl(version.acl),
        "tags": _tagger_of(version).get_tag_dict_for_resource(version.arn),
    }


def open_version(bucket: Any, key: str, body: bytes | None, document: dict[str, Any], *, before: Any) -> Any:
    """Make moto's object again, or (without a body) the delete marker that hides the version `before`."""
    from moto.s3.models import FakeDeleteMarker

    if body is None:
        marker = FakeDeleteMarker(key=before)
        marker._version_id = document["version_id"]
        marker.last_modified = datetime.fromisoformat(document["last_modified"])
        return marker
    return _open_object(bucket, key, body, document)


def _open_object(bucket: Any, key: str, body: bytes, document: dict[str, Any]) -> Any:
    from moto.s3.models import FakeKey

    version = FakeKey(
        name=key,
        value=body,
        account_id=bucket.account_id,
        region_name=bucket.region_name,
        bucket_name=bucket.name,
        etag=document["etag"],
        storage=document["storage"],
        is_versioned=document["is_versioned"],
        version_id=document["version_id"],
        **{name: document[name] for name in TAKEN},
    )
    for name in SET_LATER:
        setattr(version, name, document[name])
    version.last_modified = datetime.fromisoformat(document["last_modified"])
    version.set_expiry(datetime.fromisoformat(document["expiry"]) if document["expiry"] else None)
    version.set_acl(_open_acl(document["acl"]))
    version.metadata.update(document["metadata"])
    tagger = _tagger_of(version)
    tagger.tag_resource(version.arn, tagger.convert_dict_to_tags_input(document["tags"]))
    return version


def _tagger_of(version: Any) -> Any:
    from moto.s3.models import s3_backends

    return s3_backends[version.account_id][version.partition].tagger


def _describe_acl(acl: Any) -> list[dict[str, Any]] | None:
    if acl is None:
        return None
    return [
        {
            "permissions": grant.permissions,
            "grantees": [[grantee.id, grantee.uri, grantee.display_name] for grantee in grant.grantees],
        }
        for grant in acl.grants
    ]


def _open_acl(grants: list[dict[str, Any]] | None) -> Any:
    from moto.s3.models import FakeAcl, FakeGrant, FakeGrantee

    if grants is None:
        return None
    return FakeAcl(
        [
            FakeGrant([FakeGrantee(*grantee) for grantee in grant["grantees"]], grant["permissions"])
            for grant in grants
        ]
    )
