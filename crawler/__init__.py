"""Spiders and parsers: crawl a site from its seed URLs and turn its pages into typed items.

Modules here import nothing from `pipelines` and `schedules`, except for :mod:`crawler.settings`.
"""
