"""Files of the data folder: paths, atomic writes, Parquet, SQLite, locks. Imports only `pipelines.drop_reasons`."""
