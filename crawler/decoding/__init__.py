"""Decompression and character sets of response bodies, and parsing of feeds, JSON and JSON-LD.

Modules here import neither Scrapy nor Twisted.
"""
