"""The timetable, the runs it starts, and everything that watches them: monitoring, alerts, metrics, dashboard, CLI.

May import :mod:`pipelines` and :mod:`crawler`, which never import it. Inside, imports point one way: cli and
scrapy_commands, service, dashboard, metrics, alerting, runner and timetable, monitoring, reports, the modules here.
"""
