"""Timetable: its TOML file, cron expressions, and the database of occurrences.

May import `monitoring` and `reports`, and the packages that these may import.
"""
