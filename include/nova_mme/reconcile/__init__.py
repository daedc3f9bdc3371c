"""Bucket, ledger and indexes held against each other, and mended."""
