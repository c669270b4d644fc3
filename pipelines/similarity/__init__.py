"""Hashes and MinHash sketches of texts; modules here import no other package of `pipelines`."""
