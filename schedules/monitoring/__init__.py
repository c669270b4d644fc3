"""Expectations, drift, alarms and verdicts."""
