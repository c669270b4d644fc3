"""Text output of commands for a terminal.

May import dashboard.formatting and the packages whose data it shows, but no other module of `cli`.
"""
