"""Drafts for a newspaper that is not known yet: its site file, and frozen pages as test cases.

Modules here may import :mod:`schedules.runner` and what it imports.
"""
