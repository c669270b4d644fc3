"""Judging a run: by what is expected of it, and by the runs before it."""
