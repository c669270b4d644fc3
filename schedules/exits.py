"""Exits: what a command's exit code means, and the two mistakes that are found before anything is started."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code means; the same everywhere."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    BELOW_EXPECTATION = 3
    UNREACHABLE = 4
    LOCKED = 6
    STORAGE = 7
    DAMAGED = 8
    LAYOUT_CHANGED = 9
    INTERRUPTED = 130
    TERMINATED = 143


class WrongUsage(Exception):
    """The order cannot be carried out as it was given; nothing was started."""


class Unreachable(Exception):
    """Nobody answers where the crawl was to begin; nothing was started."""
