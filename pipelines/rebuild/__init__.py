"""Rebuilding of tables from archived pages, and import of pages that other programs have archived.

Modules here may import every other package of ``pipelines``.

A rebuild repeats the past: every response of every run is parsed by today's code and passes the same item pipelines, in
the order of the fetches and with the clock stopped at the time of each. The result is therefore that of a crawl. Of a
fetch without an archived page, the rows that are stored take the place of the parsed page.
"""
