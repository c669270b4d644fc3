"""Prometheus metrics of a data folder.

Modules here may import the packages `alerting`, `timetable` and `reports` of :mod:`schedules`, and everything in
:mod:`pipelines` and :mod:`crawler`.
"""
