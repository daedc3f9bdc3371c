"""Embed documents (.pdf, .docx) from S3 with Amazon Nova Multimodal Embeddings.

Takes what is new or changed below `prefix`, makes of each PDF an image of every page and of each .docx its text (kept
below `output_uri`/renditions), starts one asynchronous Bedrock job per page or text, waits for them without holding a
worker, and stores every segment at 256, 384, 1024 and 3072 dimensions in Amazon S3 Vectors.
A page is one segment, with its number in the metadata, and is read as DOCUMENT_IMAGE; the text of a .docx, tables
included, is cut into segments of `segment_characters`. Pictures in a .docx are not read: save it as PDF for that. A
PDF has at most 1,000 pages. What the ledger knows as stored is left alone: a second run over an unchanged bucket does nothing.

Run `setup_embeddings` once before. The task `report` says what became of every source.
"""

from nova_mme_airflow.dagkit import embedding_dag

dag = embedding_dag("document", __doc__)
