"""Fleet `khobor fleet`: the runs of a timetable as tasks of a Dask cluster, one per due site.

Only the package `cli` may import modules from here, and only modules here import Dask (extra `cluster`).
"""
