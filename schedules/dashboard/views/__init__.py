"""Views of the dashboard, one per module; each reads its data and returns it as JSON types.

From the dashboard, modules here may import only `data_source`, `query_params` and `formatting`. They may also import
every package that the dashboard may import, such as `metrics`, `timetable` and `reports`.
"""
