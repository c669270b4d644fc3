"""Prometheus metrics of a data folder.

May import alerting, timetable and reports of schedules, and everything in pipelines and crawler.
"""
