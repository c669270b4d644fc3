"""Progress: how far the runs are that go on, for whoever looks from outside: a page, metrics, another terminal."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crawler.safe_text import one_line
from pipelines.storage.data_folder import DataFolder

_ENDING = ".progress.json"
_COUNTS = ("requests", "stories", "discovered", "waiting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One run that goes on: what it last said, `at` when, `seconds` after it began."""

    run_id: str
    site: str
    state: str
    at: datetime
    seconds: float
    requests: int
    stories: int
    discovered: int
    waiting: int
    reading: str | None

    @property
    def share(self) -> float | None:
        """How much of what is known to be asked for was asked for, between 0 and 1; None before anything is known."""
        known = self.requests + self.waiting
        return self.requests / known if known else None

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds if self.seconds > 0 else 0.0

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self) | {"at": self.at.isoformat(), "share": self.share, "rate": self.rate}


def running(dataset: DataFolder) -> list[Progress]:
    """All runs that go on in a data folder, by site. What a killed run left behind is none."""
    found = []
    for path in sorted(dataset.state.glob(f"*{_ENDING}")):
        site = path.name.removesuffix(_ENDING)
        with suppress(OSError, ValueError, KeyError, TypeError):
            progress = _read(json.loads(path.read_bytes()), site)
            if _is_held(dataset.lock(site)):
                found.append(progress)
    return found


def _read(told: Mapping[str, Any], site: str) -> Progress:
    at, run_id = datetime.fromisoformat(told["at"]), str(told["run_id"])
    began = datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    reading = told.get("reading")
    return Progress(
        run_id=one_line(run_id),
        site=site,
        state=one_line(str(told["state"])),
        at=at,
        seconds=max(0.0, (at - began).total_seconds()),
        reading=one_line(str(reading)) if reading else None,
        **{name: int(told[name]) for name in _COUNTS},
    )


def _is_held(lock: Path) -> bool:
    """Whether the process that took the site's lock last lives. To try the lock itself would keep a run from it."""
    process = int(json.loads(lock.read_bytes())["pid"])
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
