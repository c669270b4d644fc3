"""The service `khobor serve`: starts due runs, notifies, restarts the dashboard. Imported by `cli` only."""
