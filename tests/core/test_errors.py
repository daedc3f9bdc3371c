"""Reasons: each one tells a person what to do, and whether the same bytes may succeed next time."""

from __future__ import annotations

import pytest

from nova_mme.errors import BadSetting, BadSource, IndexMismatch, NovaMMEError, Reason, Unfinished


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_next_step(reason: Reason) -> None:
    """A dead letter without an instruction is of no use."""
    assert len(reason.next_step.split()) > 4
    assert reason.next_step.endswith(".")


def test_only_passing_trouble_is_retried() -> None:
    """What the same bytes would meet again is not paid for again."""
    retryable = {reason for reason in Reason if reason.retryable}

    assert retryable == {Reason.TRANSIENT, Reason.NO_OUTPUT, Reason.NOT_FINISHED, Reason.UNREADABLE}


def test_a_bad_source_says_which_and_why() -> None:
    """The message carries the URI; the ledger's part is without it."""
    bad = BadSource("s3://media/a.mp4", Reason.EMPTY, "The file is empty.")

    assert str(bad) == "s3://media/a.mp4: The file is empty."
    assert (bad.uri, bad.reason, bad.message) == ("s3://media/a.mp4", Reason.EMPTY, "The file is empty.")


def test_all_errors_are_of_one_family() -> None:
    """A caller can tell this package's errors from others, and bad values are ValueErrors."""
    assert all(issubclass(kind, NovaMMEError) for kind in (BadSetting, BadSource, IndexMismatch, Unfinished))
    assert all(issubclass(kind, ValueError) for kind in (BadSetting, BadSource, IndexMismatch))
    assert not issubclass(Unfinished, ValueError)
