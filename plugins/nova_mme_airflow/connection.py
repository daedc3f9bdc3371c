"""The four arguments that every AWS operator of the Amazon provider takes, without its import cost.

The provider's own mixin imports boto3 at the top, and a DAG file is parsed every half minute.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nova_mme_airflow.hooks import NovaMMEHook

AWS_TEMPLATE_FIELDS = ("aws_conn_id", "region_name", "verify")


class AwsConnectionArguments:
    """What an operator does with its ``aws_conn_id``, ``region_name``, ``verify`` and ``botocore_config``.

    The operators take the four in their own constructors: Airflow finds the names for ``default_args`` and
    ``expand()`` there.
    """

    aws_conn_id: str | None
    region_name: str | None
    verify: bool | str | None
    botocore_config: dict[str, Any] | None

    @property
    def aws_arguments(self) -> dict[str, Any]:
        """The four, as a trigger takes them."""
        return {
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
            "verify": self.verify,
            "botocore_config": self.botocore_config,
        }

    @cached_property
    def hook(self) -> NovaMMEHook:
        """The hook behind the four arguments; first used when the task runs."""
        from nova_mme_airflow.hooks import NovaMMEHook

        return NovaMMEHook.of(**self.aws_arguments)
