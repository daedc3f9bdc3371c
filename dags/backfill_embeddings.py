"""Change the model or the recipe: embed what a space lacks, judge it, and move searches to it.

* **Another model**: name it in `target_model_id`. Its space is built beside the live one, with indexes of its own;
  searches go on reading the old space, and new uploads go into both. When nothing is left, a gate compares the two; then
  the pointer moves (`cutover`: by hand with action `cutover`, at once when the gate passes, or not at all). The old
  space is kept for `keep_days`, and until then action `rollback` is one write.
* **Another recipe**, such as `video_segment_seconds`: the active space is embedded again in place, source by source;
  none is missing from search meanwhile.
* **Neither**: what is missing, changed or stale is caught up with. That is what the daily runs do, and an Airflow
  backfill does it for what was modified in each of its days.

The first task estimates sources, dollars and hours, and a dry run ends there. An estimate above
`approval_threshold_usd` waits for a person under Required Actions; `max_cost_usd` stops the spending. Whatever is
killed, cleared or run again goes on where it was: no job is paid for twice, and live traffic goes first. A run takes
10,000 sources, and starts the next one itself while any are left.
"""

from nova_mme_airflow.backfilling import backfill_dag

dag = backfill_dag(__doc__)
