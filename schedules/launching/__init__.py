"""Launching runs: what is asked of each, the process that it is, and who watches over it."""
