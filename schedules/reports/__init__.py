"""Run reports and progress files."""
