"""Newspaper with the rhythm of a real newsroom, simulated for days, and the evaluation of crawls against it."""

from .newsroom import LoggedRequest as LoggedRequest
from .newsroom import Newsroom as Newsroom
