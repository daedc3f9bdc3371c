"""Embed videos (.mp4, .mov, .mkv, .webm, .flv, .mpeg, .wmv, .3gp) from S3 with Amazon Nova Multimodal Embeddings.

Takes what is new or changed below `prefix`, starts one asynchronous Bedrock job per source, waits for it
without holding a worker, and stores every segment at 256, 384, 1024 and 3072 dimensions in Amazon S3 Vectors.
Videos are cut into segments of `segment_seconds`; `embedding_mode` says whether picture and sound share one embedding. What the ledger knows as stored is left alone: a second run over an unchanged bucket does nothing.

Run `setup_embeddings` once before. The task `report` says what became of every source.
"""

from nova_mme_airflow.dagkit import embedding_dag

dag = embedding_dag("video", __doc__)
