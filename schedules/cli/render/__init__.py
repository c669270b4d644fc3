"""Text output of commands for a terminal.

Modules here may import `dashboard.formatting` and the packages whose data they print, but no other module of `cli`.
"""
