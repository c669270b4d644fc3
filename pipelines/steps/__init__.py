"""Item pipelines and text steps that turn a parsed item into a stored row.

Modules here may import every package of ``pipelines`` except ``rebuild``.
"""
