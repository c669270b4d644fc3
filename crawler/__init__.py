"""READS: from a seed address to typed records."""
