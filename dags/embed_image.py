"""Embed images (.png, .jpg, .gif, .webp) from S3 with Amazon Nova Multimodal Embeddings.

Takes what is new or changed below `prefix`, starts one asynchronous Bedrock job per source, waits for it
without holding a worker, and stores every segment at 256, 384, 1024 and 3072 dimensions in Amazon S3 Vectors.
An image is one segment; `detail_level` DOCUMENT_IMAGE is for scans and charts. What the ledger knows as stored is left alone: a second run over an unchanged bucket does nothing.

Run `setup_embeddings` once before. The task `report` says what became of every source.
"""

from nova_mme_airflow.dagkit import embedding_dag

dag = embedding_dag("image", __doc__)
