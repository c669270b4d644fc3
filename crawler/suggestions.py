"""Suggestions for a name that does not exist."""

from collections.abc import Iterable
from difflib import get_close_matches


def closest(name: object, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the known name most similar to this one; None if all differ too much."""
    return next(iter(get_close_matches(str(name), list(known), n=1, cutoff=cutoff)), None)


def suggestion(name: object, known: Iterable[str]) -> str:
    """``did you mean 'kalbela'?``, or a list of the known names if none is similar."""
    if (near := closest(name, known := list(known))) is not None:
        return f"did you mean {near!r}?"
    return f"there are: {', '.join(known)}" if known else "there is nothing yet"
