"""Evaluation of runs: expectations, comparison with earlier runs, alarms and verdicts.

May import reports and exit codes of schedules, and everything in pipelines and crawler.
"""
