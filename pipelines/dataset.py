"""The public way to read a table: `open_table`."""

from pipelines.analysis.open_table import open_table as open_table
