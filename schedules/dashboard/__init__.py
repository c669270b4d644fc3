"""Dashboard: read-only web pages about crawls, alarms and stories.

Modules here may import the package `metrics` and the packages that `metrics` may import.
"""
