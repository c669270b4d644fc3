"""The item pipelines, one promise each."""
