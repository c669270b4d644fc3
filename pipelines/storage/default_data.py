"""Default data folder of all commands and of the Scrapy settings."""

import os
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[2]


def default_data() -> Path:
    """Return the folder that the environment variable `KHOBOR_DATA` names, or else the folder `data`.

    The latter is in the source checkout, or in the working directory if Khobor was installed without one.
    """
    if given := os.environ.get("KHOBOR_DATA"):
        return Path(given)
    return (_PROJECT if (_PROJECT / "pyproject.toml").is_file() else Path.cwd()) / "data"
