"""The commands of `khobor`."""
