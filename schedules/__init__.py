"""Timetable, runs and their supervision: monitoring, alerts, metrics, dashboard and command line.

This package may import :mod:`pipelines` and :mod:`crawler`, which never import it. Inside it, each package may import
only those after it in this list: cli and scrapy_commands, service, dashboard, metrics, alerting, runner and timetable,
monitoring, reports, the modules in this folder.
"""
