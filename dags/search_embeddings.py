"""Search the embeddings: by words, by a source that is stored, or by a whole file of queries.

* **query**: words, which the model embeds; pictures, sounds, videos and pages are found by them as well as texts.
* **source**: the URI of a source that is stored; what is like it is found, without a call of the model.
* **queries_uri**: JSON lines in S3, at most 1,000, `{"text": "..."}` or `{"source": "s3://..."}`; a line may have its own
  `modality`, `condition` and `top_k`. A query that cannot be searched is told, and holds none of the others up.

The **active space** is searched, whichever that is at the moment. A score is the cosine similarity of the query and the
best segment; neighbouring segments of a source are told as one span.

The log has a ranked table. The task returns ids, scores, spans and URIs of one query, counts of many. In the run's
folder of the output URI are `results.html`, to read (linked from the task as Report), and `answers.jsonl`, with the texts
of what was found.
"""

from nova_mme_airflow.searching import search_dag

dag = search_dag(__doc__)
