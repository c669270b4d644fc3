"""Decoding: decompression and character sets, without Scrapy."""
