"""Commands of `khobor`: their arguments and output. May import every other package of schedules."""
