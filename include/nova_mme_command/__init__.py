"""The command line: a second shell round the core, for a terminal instead of Airflow."""
