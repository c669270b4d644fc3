"""Telling people what went wrong in the runs of the timetable, once, and when it is well again."""
