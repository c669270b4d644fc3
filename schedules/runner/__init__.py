"""Start runs (crawls of a site) as child processes, limit and supervise them, and read their reports.

Modules here may import the packages `monitoring` and `reports`, and the packages that these may import.
"""
