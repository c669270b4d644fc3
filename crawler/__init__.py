"""Spiders and parsers: crawl a site from its seed URLs and turn its pages into typed items.

Only :mod:`crawler.settings` imports `pipelines`. No module here imports `schedules`.
"""
