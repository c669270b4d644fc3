"""Service `khobor serve`: start due runs, send alerts, restart the dashboard. Imported only by `cli`."""
