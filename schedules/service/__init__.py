"""The service that keeps the timetable, with all that it starts beside itself."""
