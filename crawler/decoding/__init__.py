"""Decompression and character sets of response bodies. Imports neither Scrapy nor Twisted."""
