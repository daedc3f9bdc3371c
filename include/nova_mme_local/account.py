"""The one account that local AWS knows, and how its resources are named."""

from __future__ import annotations

# moto's server knows this account only (moto.core.DEFAULT_ACCOUNT_ID); ours must be the same one.
ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
