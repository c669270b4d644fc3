"""Views of the dashboard, one per module; each reads its data and returns it as JSON types.

Modules here may import `data_source` and `query_params` of the dashboard, and the packages that the dashboard may
import.
"""
