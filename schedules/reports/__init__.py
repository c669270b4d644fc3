"""Read the report of each run (`runs/*.json`) and the progress of running crawls (`*.progress.json`).

Other packages of schedules read these files only through this one. It may import :mod:`schedules.exit_codes` and
everything in pipelines and crawler.
"""
