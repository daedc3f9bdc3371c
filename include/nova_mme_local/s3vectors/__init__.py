"""Amazon S3 Vectors on a laptop: exact search in numpy, every limit and error of the service, kept in SQLite."""
