"""Output of commands for a terminal. Imports dashboard.formatting and the packages whose data it shows, not `cli`."""
