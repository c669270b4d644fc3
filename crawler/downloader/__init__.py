"""Downloading: politeness, allowed hosts, retries, response checks."""
