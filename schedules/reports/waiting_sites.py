"""Sites of a fleet that wait for a worker, as alarms; kept in `state/waiting.json`."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pipelines.storage.data_folder import DataFolder
from schedules.reports.site_alarms import site_alarms

_PATH = "state/waiting.json"


def write_waiting(dataset: DataFolder, sites: Mapping[str, str]) -> None:
    """Write which sites wait, each with the reason."""
    text = json.dumps({site: f"{site} waits: {reason}" for site, reason in sites.items()}, indent=1)
    path = dataset.root / _PATH
    if (sites or path.exists()) and not (path.exists() and path.read_text() == text):
        dataset.write_text(_PATH, text, durable=False)


def waiting_alarms(dataset: DataFolder) -> list[dict[str, Any]]:
    """Return an alarm for each site of the fleet that waits for a worker."""
    with suppress(OSError, ValueError, AttributeError):
        return site_alarms("worker", json.loads((dataset.root / _PATH).read_bytes()))
    return []
