"""Preflight: what an object really holds, looked up by content before anything is paid for it."""
