"""Start runs as child processes, limit and supervise them, and read their reports.

May import `monitoring` and `reports`, and the packages that these may import.
"""
