"""How findings are kept and shown, how an index is listed, and when mending is refused."""

from __future__ import annotations

from collections import Counter

import pytest
from core.deployment import Deployment
from core.stocked import FOLDER, compare, put, stock, take

from nova_mme import vector_index
from nova_mme.reconcile.finding import Finding, Findings, Kind, read_findings
from nova_mme.reconcile.repair import weigh
from nova_mme.space import DIMENSIONS
from nova_mme.vector_index import VectorIndex

_ORPHAN = f"orphan-{'0' * 16}/TEXT"


def test_findings_come_back_as_they_were(buckets: Deployment) -> None:
    """All of them from the files, the first twenty of them on the page, whatever their names are."""
    nasty = "s3://media/```\n# Heading | <b>ü"
    findings = [
        Finding(Kind.DEPARTED, f"object-{number}", DIMENSIONS, uri=f"{nasty}{number}", vectors=number)
        for number in range(25)
    ]

    with Findings() as kept:
        for finding in findings:
            kept.add(finding)
        page = kept.keep(buckets.s3, FOLDER)

    assert page == str(FOLDER.join("findings.md"))
    assert list(read_findings(buckets.s3, FOLDER, Kind.DEPARTED)) == findings
    assert list(read_findings(buckets.s3, FOLDER, Kind.HOLE)) == []
    text = kept.render()
    assert text.count("Heading") == 20
    assert "all of them are in departed.jsonl" in text
    assert [line for line in text.splitlines() if line.startswith(("```", "# "))] == [
        "# Bucket, ledger and indexes compared",
        "```",
        "```",
    ]


def test_the_page_tells_every_kind(deployment: Deployment) -> None:
    """Counts, names and what is done about it."""
    gone, holed = stock(deployment, "gone.txt"), stock(deployment, "holed.txt")
    stock(deployment, "kept.txt")
    deployment.s3.delete_object(Bucket="media", Key="gone.txt")
    take(deployment, 1024, f"{holed.object_id}/TEXT/0")
    put(deployment, 384, f"{_ORPHAN}/0")

    page = compare(deployment).page

    assert "3 sources in the ledger, 3 of them stored" in page
    assert f"{4 * 9} vectors in the four indexes; 0 have keys" in page
    assert "## departed: 1\n" in page
    assert f'- "{gone.uri}" in 256d, 384d, 1024d, 3072d' in page
    assert f'- "{_ORPHAN}/0" in 384d' in page
    assert f'- "{holed.uri}" in 1024d' in page
    assert "## stale: 0\n" in page


@pytest.mark.parametrize(
    ("tally", "allowed", "sentences"),
    [
        ({}, 0.0, []),
        ({"departed": 1, "departed_holding": 1, "holding": 10}, 0.1, []),
        ({"departed": 2, "departed_holding": 2, "holding": 10}, 0.1, ["2 of 10 sources that have vectors"]),
        ({"departed": 3, "departed_holding": 0, "holding": 10}, 0.1, []),
        ({"departed": 10, "departed_holding": 10, "holding": 10}, 1.0, []),
        ({"departed": 1, "departed_holding": 1, "holding": 1000}, 0.0, ["0.1% where 0.0% may be"]),
        ({"orphan": 5, "vectors": 50, "foreign": 30}, 0.1, ["5 of 20 vectors"]),
        ({"hole": 1, "stale": 1, "stored": 10}, 0.1, ["2 of 10 stored sources"]),
    ],
)
def test_a_share_above_the_allowed_one_is_objected_to(
    tally: dict[str, int], allowed: float, sentences: list[str]
) -> None:
    """Each share by itself, with its numbers; exactly the allowed share passes."""
    objections = weigh(Counter(tally), allowed)

    assert len(objections) == len(sentences)
    for objection, sentence in zip(objections, sentences, strict=True):
        assert sentence in objection


def test_an_empty_bucket_is_objected_to(deployment: Deployment) -> None:
    """All objects gone at once is more likely a wrong place than a wish."""
    for name in "ab":
        stock(deployment, f"{name}.txt")
        deployment.s3.delete_object(Bucket="media", Key=f"{name}.txt")

    (objection,) = weigh(Counter(compare(deployment).tally), 0.1)

    assert objection.startswith("2 of 2 sources that have vectors would be removed, 100.0%")


def test_an_empty_ledger_is_objected_to(deployment: Deployment) -> None:
    """Every vector would be an orphan."""
    stock(deployment, "a.txt")
    (row,) = deployment.ledger.scan()
    assert deployment.ledger.remove(row)

    (objection,) = weigh(Counter(compare(deployment).tally), 0.1)

    assert objection.startswith("12 of 12 vectors would be deleted as orphans")


def test_an_emptied_index_is_objected_to(deployment: Deployment) -> None:
    """Every source would be stored again, and paid for again where its output has expired."""
    for name in "ab":
        take(deployment, 256, *(f"{stock(deployment, f'{name}.txt').object_id}/TEXT/{i}" for i in range(3)))

    (objection,) = weigh(Counter(compare(deployment).tally), 0.1)

    assert objection.startswith("2 of 2 stored sources would be stored again")


def test_an_index_is_listed_to_its_end(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every vector once, over all segments and pages, keys alone or with metadata."""
    monkeypatch.setattr(vector_index, "_LISTED", 3)
    keys = {f"{_ORPHAN}/{number}" for number in range(100)}
    put(deployment, 256, *keys, etag="e")
    index = VectorIndex.of(deployment.store, 256)

    with deployment.record("s3vectors") as calls:
        pages = list(index.pages())
    described = [vector for page in index.pages(metadata=True) for vector in page]

    listed = [vector["key"] for page in pages for vector in page]
    assert (len(listed), set(listed)) == (100, keys)
    assert max(map(len, pages)) == 3
    assert {call.params["segmentIndex"] for call in calls} == set(range(8))
    assert {vector["metadata"]["etag"] for vector in described} == {"e"}
    assert {vector["key"] for vector in described} == keys


def test_listing_can_be_left_off(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched ahead but a page of each segment."""
    monkeypatch.setattr(vector_index, "_LISTED", 1)
    put(deployment, 256, *(f"{_ORPHAN}/{number}" for number in range(100)))
    pages = VectorIndex.of(deployment.store, 256).pages()

    with deployment.record("s3vectors") as calls:
        next(pages)
        pages.close()

    assert len(calls) <= 16


def test_vectors_are_got_a_hundred_at_a_time(deployment: Deployment) -> None:
    """Those that exist, of any number of keys."""
    keys = {f"{_ORPHAN}/{number}" for number in range(250)}
    put(deployment, 256, *keys)
    asked = [f"{_ORPHAN}/{number}" for number in range(1000)]

    with deployment.record("s3vectors") as calls:
        found = list(VectorIndex.of(deployment.store, 256).get(asked))

    assert {vector["key"] for vector in found} == keys
    assert [len(call.params["keys"]) for call in calls] == [100] * 10
