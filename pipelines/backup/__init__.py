"""Backups: the data folder as of one moment in one file, and a new data folder from that file.

Modules here may import the packages ``ledger`` and ``storage`` of ``pipelines``.
"""
