"""Parsing of pages into ranked lists (latest, most popular), links to stories, and the story itself.

Modules here may import `crawler.decoding`, `crawler.bengali`, `crawler.entry_points`, `crawler.urls` and
`crawler.items`.
"""
