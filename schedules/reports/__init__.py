"""Reports of runs and their progress: the only reader of `runs/*.json` and `*.progress.json` in schedules.

May import :mod:`schedules.exit_codes` and everything in pipelines and crawler.
"""
