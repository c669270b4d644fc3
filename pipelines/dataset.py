"""Public entry point for analysis: ``from pipelines.dataset import open_table``."""

from pipelines.analysis.open_table import open_table as open_table
