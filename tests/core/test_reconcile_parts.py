"""A reconciliation of several spaces, told part by part."""

from __future__ import annotations

from nova_mme.reconcile.part import Part, add_up, render_parts
from nova_mme.space_member import State


def _part(space: str, **changes: object) -> Part:
    values = {
        "space": space,
        "state": State.ACTIVE,
        "folder": "s3://o/runs",
        "findings_uri": "s3://o/runs/findings.md",
        "counts": {"sources": 4, "departed": 2, "objects": 3},
        "objections": [],
        "problem": "",
    }
    return Part(**{**values, **changes})  # type: ignore[arg-type]


def test_a_dry_run_says_so_and_what_a_real_one_would_refuse() -> None:
    """Space by space."""
    page = render_parts([_part("old", objections=["Half of it."])], None)

    assert "a dry run, nothing was changed" in page
    assert "would refuse without `force`: Half of it." in page


def test_a_real_run_says_what_it_did_in_each_space() -> None:
    """And which space it left alone, and why."""
    parts = [
        _part("old"),
        _part("new", state=State.BUILDING, problem="There is no index x."),
        _part("gone", state=State.KEPT),
    ]

    page = render_parts(parts, {"old": {"removed": 2}})

    assert "2 departed, 0 orphan, 0 hole, 0 stale; see s3://o/runs/findings.md" in page
    assert "mended: 2 sources removed, 0 vectors deleted, 0 sources to be stored again" in page
    assert "could not be compared to the end: There is no index x." in page
    assert "it was being deleted by then" in page
    assert "refuse" not in page


def test_counts_add_up_but_for_the_bucket() -> None:
    """One listing serves all spaces."""
    total = add_up([_part("old"), _part("new")])

    assert (total["sources"], total["departed"], total["objects"]) == (8, 4, 3)


def test_a_part_goes_through_xcom_and_back() -> None:
    """As JSON takes it."""
    part = _part("new", state=State.BUILDING, objections=["Half of it."])

    assert Part.read(part.dump()) == part
