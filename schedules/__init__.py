"""Start and supervise runs: timetable, monitoring, alerts, metrics, dashboard and command line.

Modules here may import :mod:`pipelines` and :mod:`crawler`, which never import this package. Imports between its
subpackages only go forward in this order: cli and scrapy_commands, service, dashboard, metrics, alerting, runner and
timetable, monitoring, reports, and then the modules directly in this folder.
"""
