"""The timetable: its TOML file, cron, and the record of occurrences. Imports `monitoring`, `reports` and below."""
