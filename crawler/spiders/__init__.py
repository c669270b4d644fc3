"""One file per newspaper."""
