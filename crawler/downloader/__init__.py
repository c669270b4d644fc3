"""Polite and guarded downloads: hosts, robots.txt, retries, checks. May import `parsing` and all below it."""
