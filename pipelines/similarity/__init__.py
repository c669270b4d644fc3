"""Hashes and MinHash sketches of texts, for finding duplicates.

Modules here may not import any other package of ``pipelines``.
"""
