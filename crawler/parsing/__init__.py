"""Parsing of pages into lists, links and a story. May import decoding, bengali, entry points, URLs and items."""
