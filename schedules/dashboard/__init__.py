"""Dashboard: read-only web pages about crawls, alarms and stories.

Modules here may import the packages `metrics`, `alerting`, `runner`, `timetable`, `monitoring` and `reports` of
:mod:`schedules`, and everything in :mod:`pipelines` and :mod:`crawler`.
"""
