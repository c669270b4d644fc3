"""Dashboard: read-only web pages about runs, alarms and stories.

May import metrics and the packages that metrics may import.
"""
