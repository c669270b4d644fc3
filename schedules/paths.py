"""The project: where its checkout is, and what comes with it."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
TIMETABLE = PROJECT / "schedules" / "schedules.toml"
DATA = PROJECT / "data"
DEMO, SAMPLE = DATA / "demo", DATA / "sample"
