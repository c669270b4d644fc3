"""Evaluation of runs: check the requirements of a run, compare it with earlier runs, and raise alarms.

May import reports and exit codes of schedules, and everything in pipelines and crawler.
"""
