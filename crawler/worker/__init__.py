"""Parse worker, a child process that parses pages. May import all of `crawler` except `spiders` and `registry`."""
