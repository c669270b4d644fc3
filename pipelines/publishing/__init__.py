"""Publishing of stored rows from the ledger (the site's SQLite crawl state) to Parquet, and the reverse: reindexing.

Modules here may import the packages ``analysis``, ``ledger``, ``storage`` and ``similarity`` of ``pipelines``.
"""
