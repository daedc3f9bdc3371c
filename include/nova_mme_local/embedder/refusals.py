"""Why a file gives no vectors; the messages end up in a job's failureMessage or in a ValidationException."""

from __future__ import annotations


class Undecodable(ValueError):
    """The content is not what it is said to be, is damaged, or holds nothing to embed."""


class TooLong(ValueError):
    """The content decodes, but exceeds a limit of the model; the message names both figures."""
