"""DECIDES WHEN: launching runs, judging them, watching over them.

Imports point back along this line: runs, judging, timetable, launching, turns, alerting, metrics, terminal, page,
service, commands.
"""
