"""Trials: a few requests to a live site, to see if its site file fits; nothing is stored.

Modules here may import `schedules.runner` and the packages that it imports.
"""
