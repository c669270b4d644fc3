"""Capturing of pages as test cases, with their text scrambled if wanted.

Modules here may import :mod:`schedules.drafting` and what it imports.
"""
