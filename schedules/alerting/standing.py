"""Standing: which alarms stand and how each target is served, for whoever only looks."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import Dataset
from schedules.alerting.deliveries import TargetState, Told


def told_of(dataset: Dataset) -> Path:
    """The file of what was told."""
    return dataset.state / "alerts.sqlite"


@dataclass(frozen=True)
class Standing:
    """What stands as far as it was noted: alarms, oldest first, and how each target is served; or why none is known."""

    alarms: tuple[dict[str, Any], ...] = ()
    targets: tuple[TargetState, ...] = ()
    trouble: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        targets = [state.as_dict() for state in self.targets]
        return {"alarms": list(self.alarms), "targets": targets, "trouble": self.trouble}


def standing(dataset: Dataset) -> Standing:
    """What stands, for whoever only looks: nothing is made or changed, and nothing is raised."""
    path = told_of(dataset)
    if not path.exists():
        return Standing()
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", timeout=5, uri=True)) as connection:
            told = Told(connection)
            return Standing(tuple(told.standing()), tuple(told.targets()))
    except (sqlite3.Error, ValueError) as error:
        return Standing(trouble=f"what stands cannot be read from {path}: {error}")
