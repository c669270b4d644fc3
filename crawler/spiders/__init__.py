"""Spiders of the sites, one file each. May import all of `crawler` except `worker` and `registry`."""
