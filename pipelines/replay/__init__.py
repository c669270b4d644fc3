"""Replay of runs: a crawl by today's code whose responses come from the archive, with the clock of the past.

Modules here may import every other package of ``pipelines``. Nothing here sends a request or writes into the data
folder whose runs are replayed.
"""
