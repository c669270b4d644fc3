"""The views of the dashboard, one module each: they read data as JSON types. Imports data_source and query_params."""
