"""Families of newspapers on one content management system. May import `spider` and everything below it."""
