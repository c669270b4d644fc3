"""Alarms of sites apart from their runs, in the form of the alarms in a run report."""

from collections.abc import Mapping
from typing import Any


def site_alarms(kind: str, sentences: Mapping[str, str], *, name: str | None = None) -> list[dict[str, Any]]:
    """Return an alarm for each site that has a sentence; ``name`` stands in its key in place of the kind."""
    return [
        {"key": f"{site}/{name or kind}", "kind": kind, "site": site, "sentence": sentence}
        for site, sentence in sentences.items()
    ]
