"""The page inside Airflow's UI and the HTTP API beside it; loaded by the api-server at the first request."""
