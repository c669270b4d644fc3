"""Read the report of each run (`runs/*.json`) and the progress of running crawls (`*.progress.json`).

A run is one crawl of a site. Other packages of :mod:`schedules` read these files only through this package. Modules
here may import :mod:`schedules.exit_codes` and everything in :mod:`pipelines` and :mod:`crawler`.
"""
