"""Benchmarks of speed and correctness against alternatives: `make bench`."""
