"""Parse worker, a child process in which pages are parsed.

Modules here may import all of `crawler` except `crawler.spiders` and `crawler.registry`.
"""
