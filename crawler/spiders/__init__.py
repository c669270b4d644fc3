"""Spiders of the newspaper sites, one file each.

Modules here may import all of `crawler` except `worker` and `registry`.
"""
