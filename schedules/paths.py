"""Paths of the program, and the default paths of the data folder and the timetable.

These are in the source checkout or, in an installed copy, in the working folder.
"""

import os
from pathlib import Path

from pipelines.storage.default_data import default_data

#: The source checkout, or the folder in which the packages are installed.
PROJECT = Path(__file__).resolve().parents[1]
IS_CHECKOUT = (PROJECT / "pyproject.toml").is_file()
#: Server of the bundled newspaper, which is only in a source checkout.
NEWSPAPER = PROJECT / "tests" / "newspaper"
TIMETABLE = Path(
    os.environ.get("KHOBOR_TIMETABLE") or (PROJECT / "schedules" if IS_CHECKOUT else Path.cwd()) / "schedules.toml"
)
DATA = default_data()
DEMO, SAMPLE = DATA / "demo", PROJECT / "data" / "sample"
