"""The steps from a parsed item to a stored row. May import every package of ``pipelines`` but ``rebuild``."""
