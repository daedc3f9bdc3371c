"""Make what the embedding DAGs need: vector bucket, four indexes, ledger table and pools.

Running it again changes nothing. An index that exists in another shape (dimension, metric, non-filterable
keys) is an error that says so, since those are fixed when an index is created. The source and output buckets
are yours: they are checked, not made. The pools `nova_mme_submit` and `nova_mme_store` are made by the scheduler
when this run starts.
"""

from nova_mme_airflow.dagkit import setup_dag

dag = setup_dag(__doc__)
