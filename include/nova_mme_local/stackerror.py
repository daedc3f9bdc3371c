"""What keeps the local stack, or the demo on it, from working."""

from __future__ import annotations


class StackError(Exception):
    """Sentences for a person: what happened, where, and what to do next."""
