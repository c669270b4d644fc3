"""Turns of the timetable: each time that is due is taken once, run, and settled."""
