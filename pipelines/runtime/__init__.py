"""One run: scheduling, revisits, statistics, recovery."""
