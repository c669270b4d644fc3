"""The date of a page out of its words: what a naive reader of one newspaper knows of Bengali."""

import re
from datetime import datetime, timedelta, timezone

MONTHS = ("জানুয়ারি", "ফেব্রুয়ারি", "মার্চ", "এপ্রিল", "মে", "জুন", "জুলাই", "আগস্ট")
MONTHS += ("সেপ্টেম্বর", "অক্টোবর", "নভেম্বর", "ডিসেম্বর")
DHAKA = timezone(timedelta(hours=6))
DIGITS = str.maketrans("০১২৩৪৫৬৭৮৯", "0123456789")
DATE = re.compile(r"(\d{1,2}) (\S+) (\d{4}), (\d\d):(\d\d) (এএম|পিএম)")


def date_in(text: str) -> str | None:
    """The first date in a text, as ISO 8601."""
    found = DATE.search(text.translate(DIGITS))
    if not found or found[2] not in MONTHS:
        return None
    day, year, hour, minute = int(found[1]), int(found[3]), int(found[4]) % 12, int(found[5])
    hour += 12 if found[6] == "পিএম" else 0
    try:
        return datetime(year, MONTHS.index(found[2]) + 1, day, hour, minute, tzinfo=DHAKA).isoformat()
    except ValueError:
        return None
