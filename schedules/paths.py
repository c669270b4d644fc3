"""Paths of files and folders in the source checkout."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
TIMETABLE = PROJECT / "schedules" / "schedules.toml"
DATA = PROJECT / "data"
DEMO, SAMPLE = DATA / "demo", DATA / "sample"
