"""Service `khobor serve`: start crawls that are due, send alerts, and restart the dashboard.

Only the package `cli` may import modules from here.
"""
