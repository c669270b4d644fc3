"""Spiders of the newspaper sites, one file each.

Modules here may import all of `crawler` except `worker` and `registry`.
"""

import os
from functools import cache
from pathlib import Path


def sites_folder() -> Path:
    """Return the user's folder of site files: that in `KHOBOR_SITES`, by default `khobor_sites` in the working folder.

    A file there replaces a file of the same name in this package.
    """
    return Path(os.environ.get("KHOBOR_SITES") or "khobor_sites").resolve()


def site_names() -> tuple[str, ...]:
    """Return the names of all site files, also of those with an error, without importing them."""
    return _names_in(Path(__file__).parent, sites_folder())


@cache
def _names_in(*folders: Path) -> tuple[str, ...]:
    return tuple(sorted({path.stem for folder in folders for path in folder.glob("[!_]*.py")}))
