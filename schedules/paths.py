"""Paths of files and folders: those of the source checkout or, in an installed copy, of the working folder."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
IS_CHECKOUT = (PROJECT / "pyproject.toml").is_file()
TIMETABLE = PROJECT / "schedules" / "schedules.toml" if IS_CHECKOUT else Path.cwd() / "schedules.toml"
DATA = (PROJECT if IS_CHECKOUT else Path.cwd()) / "data"
DEMO, SAMPLE = DATA / "demo", DATA / "sample"
