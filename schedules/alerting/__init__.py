"""Alerts about the runs of the timetable: what changed, who receives it, and how it is sent.

May import timetable, monitoring and reports of schedules, and everything in pipelines and crawler.
"""
