"""Benchmark of extraction from Bengali news pages: composed pages of several CMS families with their truth."""
