"""Keep Amazon S3 Vectors in step with a bucket of media, through Amazon Nova Multimodal Embeddings.

The core: plain Python that never imports Airflow. AWS clients come in as arguments; nothing here reads
the environment.
"""

__version__ = "0.1.0"
