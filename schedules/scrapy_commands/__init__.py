"""Scrapy commands of this project, one per module.

Modules here may import every package of :mod:`schedules` except `cli`.
"""
