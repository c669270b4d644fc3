"""One file of declarations per site. May import all of `crawler` except `worker` and `registry`."""
