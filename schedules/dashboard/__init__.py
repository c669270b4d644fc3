"""The dashboard: a read-only web page of runs, alarms and stories. Imports metrics and everything below it."""
