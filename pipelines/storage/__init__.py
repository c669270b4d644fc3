"""Files of the data folder: paths, atomic writes, Parquet, SQLite and locks.

Modules here may import only ``pipelines.drop_reasons`` of this package.
"""
