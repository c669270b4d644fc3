"""Start runs (crawls of a site) as child processes, limit and supervise them, and read their reports.

Modules here may import the packages `monitoring` and `reports` of :mod:`schedules`, and everything in :mod:`pipelines`
and :mod:`crawler`.
"""
