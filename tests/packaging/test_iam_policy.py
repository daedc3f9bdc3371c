"""The policy grants what the code calls, all of it and nothing else, in both of the forms it comes in."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from nova_mme.space import DIMENSIONS, Space

# Service -> its prefix in IAM. The SDK's operation names are the actions, but for these (Service Authorization
# Reference): StartAsyncInvoke is authorised as InvokeModel, the S3 API's names differ from its actions.
PREFIXES = {
    "bedrock": "bedrock",
    "bedrock-runtime": "bedrock",
    "s3": "s3",
    "s3vectors": "s3vectors",
    "dynamodb": "dynamodb",
    "sqs": "sqs",
}
ACTIONS = {
    "bedrock:StartAsyncInvoke": "bedrock:InvokeModel",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
}
# What one call needs beside its own action.
ALSO = {"s3vectors:QueryVectors": "s3vectors:GetVectors"}
# IAM knows no resource for these (Service Authorization Reference).
FOR_ALL_RESOURCES = {"bedrock:ListAsyncInvokes"}
# What boto3 calls under another name: waiters, and the table's batch_writer.
HELPERS = {
    "table_exists": "dynamodb:DescribeTable",
    "table_not_exists": "dynamodb:DescribeTable",
    "batch_writer": "dynamodb:BatchWriteItem",
}

# What the placeholders of the JSON and the parameters of the template both stand for here.
VALUES = {
    "ACCOUNT_ID": "123456789012",
    "BEDROCK_REGION": "us-east-1",
    "VECTOR_REGION": "eu-west-1",
    "LEDGER_REGION": "eu-west-1",
    "MEDIA_BUCKET": "some-media",
    "OUTPUT_BUCKET": "some-output",
    "OUTPUT_PREFIX": "nova",
    "VECTOR_BUCKET": "some-vectors",
    "LEDGER_TABLE": "some-ledger",
    "QUEUE_REGION": "eu-west-1",
    "UPLOADS_QUEUE": "some-uploads",
}
PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::AccountId": VALUES["ACCOUNT_ID"],
    "AWS::Region": VALUES["VECTOR_REGION"],
    "BedrockRegion": VALUES["BEDROCK_REGION"],
    "ModelId": "amazon.nova-2-multimodal-embeddings-v1:0",
    "OtherModelId": "",
    "MediaBucketName": VALUES["MEDIA_BUCKET"],
    "OutputBucketName": VALUES["OUTPUT_BUCKET"],
    "OutputPrefix": VALUES["OUTPUT_PREFIX"],
    "VectorBucketName": VALUES["VECTOR_BUCKET"],
    "LedgerTableName": VALUES["LEDGER_TABLE"],
    "UploadsQueueName": VALUES["UPLOADS_QUEUE"],
}


@pytest.fixture(scope="module")
def policy(checkout: Path) -> list[dict[str, Any]]:
    """The statements of deploy/mwaa/iam-policy.json, filled in."""
    text = (checkout / "deploy/mwaa/iam-policy.json").read_text(encoding="utf-8")
    for name, value in VALUES.items():
        text = text.replace(name, value)
    return json.loads(text)["Statement"]


def test_policy_grants_what_the_code_calls(policy: list[dict[str, Any]], checkout: Path) -> None:
    """The actions are those of the AWS operations named in the core and the shell, no more and no fewer."""
    operations = known_operations()
    called = {action for name in names_in_code(checkout) for action in operations.get(name, ())}
    granted = {action for statement in policy for action in as_list(statement["Action"])}
    assert granted == called


def test_policy_names_every_resource(policy: list[dict[str, Any]]) -> None:
    """No statement is for all resources where IAM could name some, and no placeholder is left."""
    for statement in policy:
        assert statement["Effect"] == "Allow"
        if set(as_list(statement["Action"])) <= FOR_ALL_RESOURCES:
            continue
        for resource in as_list(statement["Resource"]):
            assert re.fullmatch(r"arn:aws:[a-z0-9]+:[a-z0-9-]*:\d*:[^*]+(/\*|-\*)?", resource), resource


def test_template_has_the_same_policy(policy: list[dict[str, Any]], template: dict[str, Any]) -> None:
    """The template's TaskPolicy, with its parameters filled in, is the JSON policy, statement by statement."""
    assert fill_in(task_policy(template), PARAMETERS) == policy


@pytest.mark.parametrize("model", ["amazon.nova-3-embeddings-v1:0", "amazon.nova-*-embeddings-*"])
def test_model_to_change_to_is_the_only_thing_added(
    policy: list[dict[str, Any]], template: dict[str, Any], model: str
) -> None:
    """The stack's OtherModelId lets the role invoke that model, or what the pattern covers, and nothing else."""
    assert re.fullmatch(template["Parameters"]["OtherModelId"]["AllowedPattern"], model)
    assert template["Conditions"]["HasOtherModel"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "OtherModelId"}, ""]}]
    }

    first, *others = fill_in(task_policy(template), {**PARAMETERS, "OtherModelId": model})

    model_arn, jobs = policy[0]["Resource"]
    added = f"arn:aws:bedrock:us-east-1::foundation-model/{model}"
    assert first == {**policy[0], "Resource": [model_arn, added, jobs]}
    assert others == policy[1:]


@pytest.mark.parametrize(
    "name", ["*", "amazon*", "*.nova-*", "arn:aws:bedrock:us-east-1::foundation-model/a.b"]
)
def test_model_to_change_to_has_a_provider(template: dict[str, Any], name: str) -> None:
    """OtherModelId takes no pattern for everybody's models, and no ARN."""
    assert not re.fullmatch(template["Parameters"]["OtherModelId"]["AllowedPattern"], name)


def test_default_names_no_other_model(template: dict[str, Any]) -> None:
    """Which the pattern of the parameter allows."""
    parameter = template["Parameters"]["OtherModelId"]
    assert parameter["Default"] == ""
    assert re.fullmatch(parameter["AllowedPattern"], "")


def test_indexes_of_every_space_are_covered(policy: list[dict[str, Any]]) -> None:
    """Those of the first space and of later ones may be made, filled, searched and dropped; no other index may."""
    (statement,) = [one for one in policy if "s3vectors:DeleteIndex" in as_list(one["Action"])]
    arn = "arn:aws:s3vectors:eu-west-1:123456789012:bucket/some-vectors/index/"
    for space in (Space(), Space("amazon.nova-3-embeddings-v1:0", "second", first=False)):
        for dimension in DIMENSIONS:
            assert fnmatchcase(arn + space.index_name(dimension), statement["Resource"])
    assert not fnmatchcase(arn + "somebody-elses", statement["Resource"])


def test_readme_explains_every_statement(policy: list[dict[str, Any]], checkout: Path) -> None:
    """Each statement has its row in deploy/mwaa/README.md, in the policy's order."""
    readme = (checkout / "deploy/mwaa/README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([A-Z][A-Za-z]+) \|", readme, re.MULTILINE)
    assert rows == [statement["Sid"] for statement in policy]


def test_readme_fills_in_every_placeholder(checkout: Path) -> None:
    """The sed command of the README leaves no placeholder."""
    readme = (checkout / "deploy/mwaa/README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"-e s/([A-Z_]+)/", readme)) == set(VALUES)
    text = (checkout / "deploy/mwaa/iam-policy.json").read_text(encoding="utf-8")
    assert set(re.findall(r"[A-Z]+_[A-Z]+", text)) == set(VALUES)


def known_operations() -> dict[str, set[str]]:
    """Method or paginator name, such as ``list_objects_v2``, or a helper's name -> the actions it needs."""
    session = botocore.session.get_session()
    known = {helper: {action} for helper, action in HELPERS.items()}
    for service, prefix in PREFIXES.items():
        for operation in session.get_service_model(service).operation_names:
            name = f"{prefix}:{operation}"
            actions = {ACTIONS.get(name, name)} | ({ALSO[name]} if name in ALSO else set())
            known[xform_name(operation)] = actions
    return known


def names_in_code(checkout: Path) -> Iterator[str]:
    """Every attribute and every text in the shipped code: method calls, paginators and waiters are among them."""
    for folder in ("include/nova_mme", "plugins"):
        for path in (checkout / folder).rglob("*.py"):
            if (
                "text_store" in path.parts
            ):  # the command line's: not shipped, and run under a person's own rights
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute):
                    yield node.attr
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def task_policy(template: dict[str, Any]) -> Any:
    """The statements of the template's policy."""
    return template["Resources"]["TaskPolicy"]["Properties"]["PolicyDocument"]["Statement"]


def fill_in(value: Any, parameters: dict[str, str]) -> Any:
    """A piece of the template with ``Fn::Sub`` and the one ``Fn::If`` carried out."""
    if isinstance(value, list):
        filled = [fill_in(item, parameters) for item in value]
        return [item for item in filled if item != {"Ref": "AWS::NoValue"}]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::Sub"}:
        return re.sub(r"\$\{([^}]+)\}", lambda match: parameters[match[1]], value["Fn::Sub"])
    if set(value) == {"Fn::If"}:
        condition, if_so, if_not = value["Fn::If"]
        assert condition == "HasOtherModel"
        return fill_in(if_so if parameters["OtherModelId"] else if_not, parameters)
    return {key: fill_in(item, parameters) for key, item in value.items()}


def as_list(value: str | list[str]) -> list[str]:
    """IAM takes one text or a list of them."""
    return [value] if isinstance(value, str) else value
