"""Parsing: lists, links and a story from one page. May import decoding, bengali, entry points, URLs and items."""
