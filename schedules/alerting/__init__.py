"""Alerts about scheduled runs: record when an alarm appears or clears, and send it to the configured targets.

Modules here may import the packages `timetable`, `monitoring` and `reports` of :mod:`schedules`, and everything in
:mod:`pipelines` and :mod:`crawler`.
"""
