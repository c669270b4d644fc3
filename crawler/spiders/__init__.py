"""Spiders of the newspaper sites, one file each.

Modules here may import all of `crawler` except `worker` and `registry`.
"""

import os
from pathlib import Path


def sites_folder() -> Path:
    """Return the user's folder of site files: that in `KHOBOR_SITES`, by default `khobor_sites` in the working folder.

    A file there replaces a file of the same name in this package.
    """
    return Path(os.environ.get("KHOBOR_SITES") or "khobor_sites").resolve()
