"""Parsing of stories on pages for which no site declares a layout.

Modules here may import `crawler.parsing` and the modules that it imports, but not Scrapy.
"""
