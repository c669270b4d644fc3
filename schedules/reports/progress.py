"""Progress of running crawls, read from their progress files for the dashboard, the metrics and the commands."""

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crawler.safe_text import one_line
from pipelines.storage.data_folder import DataFolder

_SUFFIX = ".progress.json"
_COUNTS = ("requests", "stories", "discovered", "queued")
# A run writes its progress every second.
_ALIVE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress of a running crawl, as last written to its progress file.

    ``at`` is the time of writing, and ``seconds`` the time since the start of the run.
    """

    run_id: str
    site: str
    state: str
    at: datetime
    seconds: float
    requests: int
    stories: int
    discovered: int
    queued: int
    reading: str | None

    def as_dict(self, moment: datetime) -> dict[str, Any]:
        """Convert the progress to JSON types.

        The key `alive` is added; it is true if the progress was written within a minute of ``moment``.
        """
        values = asdict(self) | {"at": self.at.isoformat(), "alive": abs(moment - self.at) < _ALIVE}
        del values["seconds"]
        return values


def read_progress(dataset: DataFolder, site: str) -> Progress | None:
    """Read the progress of the running crawl of a site; return None if its file is missing or cannot be read."""
    try:
        values = json.loads(dataset.progress(site).read_bytes())
        at, run_id, reading = datetime.fromisoformat(values["at"]), str(values["run_id"]), values.get("reading")
        started = datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return Progress(
            run_id=one_line(run_id),
            site=site,
            state=one_line(str(values["state"])),
            at=at,
            seconds=max(0.0, (at - started).total_seconds()),
            reading=one_line(str(reading)) if reading else None,
            **{name: int(values[name]) for name in _COUNTS},
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def running(dataset: DataFolder) -> list[Progress]:
    """Return the progress of each running crawl in a data folder, ordered by site.

    A progress file whose process no longer exists is ignored.
    """
    sites = [path.name.removesuffix(_SUFFIX) for path in sorted(dataset.state.glob(f"*{_SUFFIX}"))]
    return [run for site in sites if _is_locked(dataset.lock(site)) and (run := read_progress(dataset, site))]


def _is_locked(lock: Path) -> bool:
    """Return True if the process whose id is in a lock file still exists.

    An attempt to take the lock would be exact, but could prevent a run from starting.
    """
    try:
        os.kill(int(json.loads(lock.read_bytes())["pid"]), 0)
    except PermissionError:
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True
