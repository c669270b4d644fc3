"""The status page: how the nights went and what the data holds, for a person with a browser or a program with JSON."""
