"""ListVectors: pages, segments, and what is listed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError
from local.indexes import INDEX, fill, keys_of, open_vectors


@pytest.fixture
def vectors(client) -> Any:
    """A client and the vector bucket "media"."""
    return open_vectors(client)


def test_all_vectors_are_listed_in_pages(vectors):
    """500 a page unless told otherwise; the paginator finds each key once."""
    fill(vectors, 1200)
    pages = list(vectors.get_paginator("list_vectors").paginate(**INDEX))
    assert [len(page["vectors"]) for page in pages] == [500, 500, 200]
    assert {key for page in pages for key in keys_of(page)} == {f"k{n}" for n in range(1200)}
    assert len(vectors.list_vectors(**INDEX, maxResults=1000)["vectors"]) == 1000


def test_listed_vectors_have_what_was_asked_for(vectors):
    """Data and metadata on request."""
    rows = fill(vectors, 1)
    [found] = vectors.list_vectors(**INDEX, returnData=True, returnMetadata=True)["vectors"]
    assert np.array_equal(np.array(found["data"]["float32"], np.float32), rows[0])
    assert found["metadata"] == {"n": 0, "even": True}
    assert vectors.list_vectors(**INDEX)["vectors"] == [{"key": "k0"}]


def test_a_page_ends_after_a_megabyte(vectors):
    """With their data, 3072 numbers each, some 85 vectors fill a page; nothing is lost by it."""
    fill(vectors, 100, dimension=3072)
    pages = list(vectors.get_paginator("list_vectors").paginate(**INDEX, returnData=True))
    assert [len(page["vectors"]) for page in pages] == [86, 14]
    assert {key for page in pages for key in keys_of(page)} == {f"k{n}" for n in range(100)}


def test_metadata_counts_towards_the_megabyte(vectors):
    """Forty vectors with 30 KB of metadata each do not fit in one page."""
    hidden = {"nonFilterableMetadataKeys": ["text"]}
    fixed = {
        "dataType": "float32",
        "dimension": 2,
        "distanceMetric": "cosine",
        "metadataConfiguration": hidden,
    }
    vectors.create_index(**INDEX, **fixed)
    text = {"text": "x" * 30_000}
    records = [{"key": f"k{n}", "data": {"float32": [1, n]}, "metadata": text} for n in range(40)]
    vectors.put_vectors(**INDEX, vectors=records)
    pages = list(vectors.get_paginator("list_vectors").paginate(**INDEX, returnMetadata=True))
    assert [len(page["vectors"]) for page in pages] == [35, 5]
    assert len(vectors.list_vectors(**INDEX)["vectors"]) == 40


def test_segments_share_the_index_among_them(vectors):
    """Every vector is in exactly one of the segments."""
    fill(vectors, 100)
    found = [
        keys_of({"vectors": [v for page in pages for v in page["vectors"]]})
        for pages in (
            vectors.get_paginator("list_vectors").paginate(
                **INDEX, segmentCount=3, segmentIndex=segment, PaginationConfig={"PageSize": 10}
            )
            for segment in range(3)
        )
    ]
    assert sorted(key for segment in found for key in segment) == sorted(f"k{n}" for n in range(100))
    assert min(map(len, found)) >= 30


@pytest.mark.parametrize(
    "segments", [{"segmentCount": 2}, {"segmentIndex": 1}, {"segmentCount": 2, "segmentIndex": 2}]
)
def test_wrong_segments_are_refused(vectors, segments: dict):
    """Count and index belong together, and the index is below the count."""
    fill(vectors, 2)
    with pytest.raises(ClientError, match="segmentIndex"):
        vectors.list_vectors(**INDEX, **segments)


def test_deleting_between_pages_skips_nothing(vectors):
    """Who deletes each page as it comes deletes everything."""
    fill(vectors, 50)
    token: dict = {}
    seen = 0
    while True:
        page = vectors.list_vectors(**INDEX, maxResults=7, **token)
        seen += len(page["vectors"])
        vectors.delete_vectors(**INDEX, keys=keys_of(page))
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert seen == 50
    assert vectors.list_vectors(**INDEX)["vectors"] == []
