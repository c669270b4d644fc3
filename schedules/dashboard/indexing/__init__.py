"""Index of all run reports, for lists over many sites and long periods.

From the dashboard, modules here may import only `common_place`.
"""
