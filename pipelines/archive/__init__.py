"""The archive, raw responses as WARC files, and reading of WARC files written by other programs.

Modules here may import ``pipelines.ledger``, ``pipelines.analysis`` and ``pipelines.storage``.
"""
