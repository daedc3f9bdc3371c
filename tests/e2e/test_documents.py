"""Documents, from a bucket to four indexes: a vector a page, a text whole, and a name for everything that is broken."""

import pytest
from media.documents import BAD, Page, make_pdf

pytestmark = pytest.mark.e2e

DIMENSIONS = (256, 384, 1024, 3072)
START = "bedrock-runtime.StartAsyncInvoke"
PUT = "s3vectors.PutVectors"


def page_numbers(deployment, prefix):
    """For each dimension, the page numbers that are stored below a prefix, in order."""
    stored = {dimension: deployment.stored(dimension, prefix) for dimension in DIMENSIONS}
    return {
        dimension: sorted(vector["metadata"]["pageNumber"] for vector in vectors.values())
        for dimension, vectors in stored.items()
    }


def test_documents_end_in_all_four_indexes(deployment, samples):
    """A PDF of three pages is three segments with their numbers, a .docx its text; broken ones are dead letters."""
    report, letter = "coffee-tasting-report.pdf", "looking-after-the-cats.docx"
    deployment.upload("papers", samples / "document" / report, samples / "document" / letter)
    bad = (
        "encrypted.pdf",
        "truncated.pdf",
        "no-pages.pdf",
        "encrypted.docx",
        "zip-bomb.docx",
        "not-word.docx",
    )
    deployment.upload("papers", *(BAD / name for name in bad))

    summary = deployment.embed("document", prefix="papers/", max_failed_fraction=0.8)

    reasons = {item["source"].rsplit("/", 1)[-1]: item["reason"] for item in summary["failures"]}
    assert reasons == {
        "encrypted.pdf": "encrypted_document",
        "truncated.pdf": "broken_file",
        "no-pages.pdf": "empty_file",
        "encrypted.docx": "encrypted_document",
        "zip-bomb.docx": "broken_file",
        "not-word.docx": "content_is_not_its_type",
    }
    assert all(item["next_step"] for item in summary["failures"])
    assert (summary["stored"], summary["failed"], summary["segments"]) == (2, 6, 4)
    for dimension in DIMENSIONS:
        stored = deployment.stored(dimension, "papers").values()
        told = [(v["metadata"]["fileName"], v["metadata"].get("pageNumber")) for v in stored]
        assert sorted(told, key=str) == [(report, 1), (report, 2), (report, 3), (letter, None)]
        assert {vector["metadata"]["modalityType"] for vector in stored} == {"document"}
        (text,) = (v["metadata"]["text"] for v in stored if v["metadata"]["fileName"] == letter)
        assert "Midday | nothing | 15 grams of dry food" in text


def test_a_shorter_version_leaves_no_page_behind(deployment):
    """After three pages come two: the third one's vectors are gone from all indexes; then nothing is paid again."""
    deployment.put("paper/a.pdf", make_pdf([Page("One"), Page("Two"), Page("Three")]))
    assert deployment.embed("document", prefix="paper/")["segments"] == 3
    assert page_numbers(deployment, "paper") == dict.fromkeys(DIMENSIONS, [1, 2, 3])
    before = deployment.calls()[START]

    deployment.put("paper/a.pdf", make_pdf([Page("Other"), Page("Pages")]))
    assert deployment.embed("document", prefix="paper/")["segments"] == 2
    assert page_numbers(deployment, "paper") == dict.fromkeys(DIMENSIONS, [1, 2])
    after = deployment.calls()
    assert after[START] - before == 2

    assert deployment.embed("document", prefix="paper/")["unchanged"] == 1
    last = deployment.calls()
    assert (last[START], last[PUT]) == (after[START], after[PUT])


def test_a_page_that_fails_leaves_its_neighbours(deployment):
    """One cannot be painted, one is failed by the model: the others are searchable, and the document is partial."""
    deployment.put(
        "pages/a.pdf", make_pdf([Page("One"), Page("Two", (20_000, 9)), Page("Three"), Page("Four")])
    )
    deployment.set_faults(
        {"job": "page-0003.png", "failed_segments": [0], "failure_reason": "INVALID_CONTENT"}
    )

    summary = deployment.embed("document", prefix="pages/", max_failed_fraction=1)

    assert page_numbers(deployment, "pages") == dict.fromkeys(DIMENSIONS, [1, 4])
    assert (summary["partial"], summary["segments"]) == (1, 2)
