"""Commands of `khobor`: their arguments and their output.

Modules here may import every other package of :mod:`schedules`.
"""
