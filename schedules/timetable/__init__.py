"""Timetable: its TOML file, cron expressions, and the database of due times and their results.

Modules here may import the packages `monitoring` and `reports` of :mod:`schedules`, and everything in :mod:`pipelines`
and :mod:`crawler`.
"""
