"""Alerts about scheduled runs: record changes of alarms, and send them to the targets in the timetable.

May import timetable, monitoring and reports of schedules, and everything in pipelines and crawler.
"""
