"""Scrapy extensions and the scheduler of a crawl run, with revisits, statistics and recovery after a crash."""
