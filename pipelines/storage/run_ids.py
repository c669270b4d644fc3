"""Ids of runs, which sort by start time and are part of file names."""

import re
import secrets

from crawler.clock import now
from crawler.safe_text import one_line

_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[a-z0-9_]{1,32}-[0-9a-f]{4}")


class InvalidRunId(Exception):
    """The setting ``KHOBOR_RUN_ID`` does not have the form of a run id, such as ``20260111T060000Z-site-1a2b``."""


def new_run_id(site: str) -> str:
    """Return a new run id made of the start time, the site and four random hexadecimal digits."""
    return f"{now():%Y%m%dT%H%M%SZ}-{site}-{secrets.token_hex(2)}"


def checked_run_id(run_id: str | None) -> str | None:
    if run_id and not _RUN_ID.fullmatch(run_id):
        raise InvalidRunId(f"KHOBOR_RUN_ID={one_line(run_id)!r} is not a run id; omit it to get a new one")
    return run_id
