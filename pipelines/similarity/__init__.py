"""Hashes and MinHash sketches of texts."""
