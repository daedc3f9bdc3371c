"""The CloudFormation template makes what the code would make, and keeps the buckets closed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from nova_mme.documents.rendition import rendition_folder
from nova_mme.ledger import Ledger
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.settings import Settings
from nova_mme.shard import run_folder
from nova_mme.source import Source
from nova_mme.space import DIMENSIONS, Space
from nova_mme.store import VectorStore
from nova_mme.submit import invocation_folder
from nova_mme_airflow.uploads import uploads_asset

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
    """Bedrock's output, renditions and the runs' files lie below the prefixes that expire; nothing else does."""
    settings = Settings("s3://media/", "s3://output/nova", "vectors", "ledger")
    source = Source("s3://media/a.pdf", "e", 1, 0)
    written = {
        str(invocation_folder(settings, settings.space, source)),
        str(rendition_folder(source, Recipe(Modality.DOCUMENT), settings.output_uri)),
        str(run_folder(settings.output_uri, "embed_text", "run")),
    }
    rules = resources["OutputBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = [rule["Prefix"]["Fn::Sub"] for rule in rules if "ExpirationInDays" in rule]
    folders = ["s3://output/" + prefix.replace("${OutputPrefix}", "nova") for prefix in expiring]
    assert {next(folder for folder in folders if path.startswith(folder)) for path in written} == set(folders)
    media = resources["MediaBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [rule for rule in media if "ExpirationInDays" in rule] == []


def test_data_outlives_the_stack(resources: dict[str, Any]) -> None:
    """Deleting or replacing the stack deletes no bucket, table or index; queues and rules hold nothing."""
    for name, resource in resources.items():
        if not resource["Type"].endswith(("Policy", "SQS::Queue", "Events::Rule")):
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


def test_uploads_reach_the_queue_of_their_modality(
    template: dict[str, Any], resources: dict[str, Any], aws_client: Callable[..., Any]
) -> None:
    """The template's rules and queues, made in local AWS: each extension, in either case, wakes one DAG; others none."""
    s3, sqs, events = aws_client("s3"), aws_client("sqs"), aws_client("events")
    values = {"UploadsQueueName": "by-template", "MediaBucketName": "uploads-media"}
    urls = {}
    for name, resource in resources.items():
        if resource["Type"] == "AWS::SQS::Queue":
            queue = fill_in(resource["Properties"]["QueueName"], values)
            urls[name] = sqs.create_queue(QueueName=queue)["QueueUrl"]
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Events::Rule":
            properties = fill_in(resource["Properties"], values)
            events.put_rule(Name=name, EventPattern=json.dumps(properties["EventPattern"]))
            (target,) = properties["Targets"]
            queue = target["Arn"]["Fn::GetAtt"].removesuffix(".Arn")
            asked = sqs.get_queue_attributes(QueueUrl=urls[queue], AttributeNames=["QueueArn"])
            arn = asked["Attributes"]["QueueArn"]
            events.put_targets(Rule=name, Targets=[{"Id": target["Id"], "Arn": arn}])
    for bucket in ("uploads-media", "uploads-other"):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )

    expected = {}
    for modality in Modality:
        suffixes = [suffix for each in modality.suffixes for suffix in (each, each.upper())]
        keys = {f"{modality}/{suffix}/some file.{suffix}" for suffix in suffixes}
        expected[f"by-template-{modality}"] = keys
        for key in keys:
            s3.put_object(Bucket="uploads-media", Key=key, Body=b"x")
            s3.put_object(Bucket="uploads-other", Key=key, Body=b"x")
    for key in ("a.exe", "txt", "a.txt.gz", "a.mp4/"):
        s3.put_object(Bucket="uploads-media", Key=key, Body=b"x")

    assert {url.rsplit("/", 1)[-1]: set(received_keys(sqs, url)) for url in urls.values()} == expected


def test_queues_are_encrypted_and_closed(resources: dict[str, Any]) -> None:
    """At rest and on the way; only the template's own rules send to them."""
    queues = {name: r["Properties"] for name, r in resources.items() if r["Type"] == "AWS::SQS::Queue"}
    rules = [name for name, r in resources.items() if r["Type"] == "AWS::Events::Rule"]
    assert all(properties["SqsManagedSseEnabled"] for properties in queues.values())
    policy = resources["UploadsPolicy"]["Properties"]
    assert policy["Queues"] == [{"Ref": name} for name in queues]
    sending, tls = policy["PolicyDocument"]["Statement"]
    assert (sending["Effect"], sending["Action"]) == ("Allow", "sqs:SendMessage")
    assert sending["Principal"] == {"Service": "events.amazonaws.com"}
    sources = [{"Fn::GetAtt": f"{name}.Arn"} for name in rules]
    assert sending["Condition"] == {"ArnEquals": {"aws:SourceArn": sources}}
    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_media_bucket_tells_eventbridge(resources: dict[str, Any]) -> None:
    """Without that switch no rule ever sees an upload."""
    told = resources["MediaBucket"]["Properties"]["NotificationConfiguration"]
    assert told == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def test_option_of_the_stack_names_the_queues(
    template: dict[str, Any], resources: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The output UploadsQueue, as Airflow's option, makes watchers of the template's queues, in their Region."""
    values = {
        "AWS::Region": "us-east-1",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::AccountId": "123456789012",
        "UploadsQueueName": "up",
    }
    option = fill_in(template["Outputs"]["UploadsQueue"]["Value"], values)
    monkeypatch.setenv("AIRFLOW__NOVA_MME__UPLOADS_QUEUE", option)
    watched = {}
    for modality in Modality:
        (watcher,) = uploads_asset(modality).watchers
        assert watcher.trigger.region_name == "us-east-1"
        watched[modality] = watcher.trigger.queue
    names = {fill_in(p["QueueName"], values) for p in of_type(resources, "AWS::SQS::Queue")}
    assert set(watched.values()) == {f"https://sqs.us-east-1.amazonaws.com/123456789012/{n}" for n in names}


def received_keys(sqs: Any, url: str) -> Iterator[str]:
    """The keys of the objects that a queue's messages tell of."""
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            yield json.loads(message["Body"])["detail"]["object"]["key"]


def fill_in(value: Any, parameters: Mapping[str, str]) -> Any:
    """A piece of the template with ``Ref`` and ``Fn::Sub`` of parameters carried out."""
    if isinstance(value, list):
        return [fill_in(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return parameters[value["Ref"]]
    if set(value) == {"Fn::Sub"}:
        return re.sub(r"\$\{([^}]+)\}", lambda match: parameters[match[1]], value["Fn::Sub"])
    return {key: fill_in(item, parameters) for key, item in value.items()}


def of_type(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The properties of every resource of a type."""
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]
