"""Scrapy commands of this project, each named after its module. Imports everything but `cli`."""
