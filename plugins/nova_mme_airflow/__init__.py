"""The Airflow shell around the core: DAG graphs, operators, sensors, triggers and hooks.

The only package here that imports Airflow. What a DAG file pulls in at parse time stays light: boto3, numpy,
the core and the Amazon provider are imported when a task runs.
"""
