"""The commands of `khobor`: arguments and output only. May import every other package of schedules."""
