"""Reading the timetable and saying it: which newspapers are visited when, and who is told."""
