"""Decompression and charsets of bodies. Imports neither Scrapy nor Twisted."""
