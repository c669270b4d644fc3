"""Parsing: from a page to lists, links and a story, without Scrapy."""
