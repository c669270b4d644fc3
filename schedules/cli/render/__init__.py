"""Command output for a terminal."""
