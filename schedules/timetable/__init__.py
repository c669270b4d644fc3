"""Timetable: its TOML file, cron expressions, and the database of due times and their results.

Modules here may import the packages `monitoring` and `reports`, and the packages that these may import.
"""
