"""Hashes and MinHash sketches of texts. Imports nothing else of `pipelines`."""
