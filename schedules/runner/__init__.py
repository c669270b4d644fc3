"""Runs as child processes: start, limit, watch, conclude. Imports `monitoring`, `reports` and below."""
