"""The process in which pages are parsed."""
