"""Scrapy commands of this project, one per module. May import every package of schedules except `cli`."""
