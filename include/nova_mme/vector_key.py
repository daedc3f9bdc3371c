"""A vector's key taken apart: which source, which embedding type, which segment.

Whatever else lives in the same indexes has keys of another form, and is none of ours.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from nova_mme.segment import vector_key

# An object id is a slug and 16 hex digits; nine digits are more segments than any source may have.
_FORM = re.compile(r"([a-z0-9-]{1,40}-[0-9a-f]{16})/([A-Z][A-Z0-9_]*)/(0|[1-9][0-9]{0,8})", re.ASCII)


class VectorKey(NamedTuple):
    """``<object id>/<embedding type>/<segment index>``."""

    object_id: str
    embedding_type: str
    segment: int

    @classmethod
    def parse(cls, text: str) -> VectorKey | None:
        """Take a key apart; None when it is not of this form."""
        match = _FORM.fullmatch(text)
        return cls(match[1], match[2], int(match[3])) if match else None

    def __str__(self) -> str:
        return vector_key(*self)
