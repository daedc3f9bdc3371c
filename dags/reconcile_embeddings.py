"""Compare the bucket, the ledger and the four indexes, and mend what is at odds.

* **departed**: the object is no longer in the bucket; its vectors and its ledger row are deleted.
* **orphans**: vectors that no ledger row covers; they are deleted. Keys of another form are left alone.
* **holes** and **stale** vectors: an index lacks vectors of a stored source, or has another version's; the next run
  of its embedding DAG stores the source again from its own finished job. Only if the job's output has
  expired is it embedded, and paid for, again.

It goes over **every space** that is not being deleted, so that a rollback brings nothing back that was deleted. In one
that is being built, a source that has no row yet is no finding (`backfill_embeddings` brings it), and its next run
fills the holes. In one that is kept nothing is stored: only departed sources and orphans are looked for.

A run is a **dry run** unless told otherwise: it writes what it would delete to `findings.md` in the run's folder of
the output URI, and of the other spaces in folders below, named after them. So are the scheduled ones, on Sundays at
03:00 UTC: they report and change nothing.

With `dry_run` off each finding is looked up once more and then mended: what was uploaded or stored meanwhile is left
alone. Nothing is changed when more than `max_deleted_fraction` of a space would be, unless `force` is on.
"""

from nova_mme_airflow.reconciling import reconcile_dag

dag = reconcile_dag(__doc__)
