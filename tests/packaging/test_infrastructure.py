"""The CloudFormation template makes what the code would make, and keeps the buckets closed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from nova_mme.ledger import Ledger
from nova_mme.settings import Settings
from nova_mme.shard import Work, run_folder
from nova_mme.source import Source
from nova_mme.space import DIMENSIONS, Space
from nova_mme.store import VectorStore
from nova_mme.submit import invocation_folder

BUCKETS = ("MediaBucket", "OutputBucket")


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> dict[str, Any]:
    """Name -> resource of the template."""
    return template["Resources"]


def test_table_is_the_ledgers(resources: dict[str, Any], aws_client: Callable[..., Any]) -> None:
    """Keys, attributes and billing of the template's table are those of the table that the ledger creates."""
    Ledger(aws_client("dynamodb", "resource"), "by-code", Space()).ensure()
    table = aws_client("dynamodb").describe_table(TableName="by-code")["Table"]
    properties = resources["LedgerTable"]["Properties"]
    for name in ("KeySchema", "AttributeDefinitions"):
        assert properties[name] == table[name]
    assert properties["BillingMode"] == table["BillingModeSummary"]["BillingMode"]


def test_indexes_are_the_stores(resources: dict[str, Any], aws_client: Callable[..., Any]) -> None:
    """The template's four indexes have the names and shapes of those that the store creates."""
    vectors = aws_client("s3vectors")
    VectorStore(vectors, "by-code", Space()).ensure()
    made = {}
    for dimension in DIMENSIONS:
        index = vectors.get_index(vectorBucketName="by-code", indexName=Space().index_name(dimension))[
            "index"
        ]
        keys = sorted(index["metadataConfiguration"]["nonFilterableMetadataKeys"])
        made[index["indexName"]] = (index["dataType"], index["dimension"], index["distanceMetric"], keys)
    declared = {}
    for properties in of_type(resources, "AWS::S3Vectors::Index"):
        assert properties["VectorBucketArn"] == {"Fn::GetAtt": "VectorBucket.VectorBucketArn"}
        keys = sorted(properties["MetadataConfiguration"]["NonFilterableMetadataKeys"])
        shape = (properties["DataType"], properties["Dimension"], properties["DistanceMetric"], keys)
        declared[properties["IndexName"]] = shape
    assert declared == made


@pytest.mark.parametrize("name", BUCKETS)
def test_bucket_is_closed_and_encrypted(resources: dict[str, Any], name: str) -> None:
    """No public access, no ACLs, encryption at rest, and nothing without TLS."""
    properties = resources[name]["Properties"]
    assert properties["PublicAccessBlockConfiguration"] == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    policy = resources[f"{name}Policy"]["Properties"]
    assert policy["Bucket"] == {"Ref": name}
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [{"Fn::GetAtt": f"{name}.Arn"}, {"Fn::Sub": f"${{{name}.Arn}}/*"}],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]


def test_lifecycle_covers_what_runs_write(resources: dict[str, Any]) -> None:
    """Bedrock's output and the runs' files lie below the two prefixes that expire, and nothing else does."""
    settings = Settings("s3://media/", "s3://output/nova", "vectors", "ledger")
    work = Work(Source("s3://media/a.txt", "e", 1, 0), 1, "new")
    written = {
        str(invocation_folder(settings, work)),
        str(run_folder(settings.output_uri, "embed_text", "run")),
    }
    rules = resources["OutputBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = [rule["Prefix"]["Fn::Sub"] for rule in rules if "ExpirationInDays" in rule]
    folders = ["s3://output/" + prefix.replace("${OutputPrefix}", "nova") for prefix in expiring]
    assert {next(folder for folder in folders if path.startswith(folder)) for path in written} == set(folders)
    media = resources["MediaBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [rule for rule in media if "ExpirationInDays" in rule] == []


def test_data_outlives_the_stack(resources: dict[str, Any]) -> None:
    """Deleting or replacing the stack deletes no bucket, table or index."""
    for name, resource in resources.items():
        if not resource["Type"].endswith(("Policy", "ManagedPolicy")):
            kept = (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy"))
            assert kept == ("Retain", "Retain"), name


def test_variable_of_the_stack_is_valid(template: dict[str, Any]) -> None:
    """The output NovaMmeVariable, filled in, is what the settings take."""

    values = {"OutputPrefix": "nova", "AWS::AccountId": "123456789012"}
    text = template["Outputs"]["NovaMmeVariable"]["Value"]["Fn::Sub"]
    filled = re.sub(r"\$\{([^}]+)\}", lambda match: values.get(match[1], "some-name"), text)
    settings = Settings.read(json.loads(filled))
    assert settings.output_uri == "s3://some-name/nova"
    assert settings.bucket_owner == "123456789012"


def of_type(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The properties of every resource of a type."""
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]
