"""Evaluation of runs: check each crawl against its requirements and against earlier ones, and raise alarms.

A run is one crawl of a site. Modules here may import the package `reports` and the module `exit_codes` of
:mod:`schedules`, and everything in :mod:`pipelines` and :mod:`crawler`.
"""
