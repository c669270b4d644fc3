"""Evil: what a page may say to do harm wherever it comes out, and how to tell that it did none."""

import re

# A command to a terminal in two spellings, a forged record, markup of two kinds, and a line that runs backwards.
EVIL = (
    "\x1b[2J\x9b2J খবর\r\n2026-01-01 00:00:00 [root] CRITICAL: forged\n[red]লাল[/red] <b>&amp; \u202eled\u2028র\u200d্যাব"
)
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")
FORGED = re.compile(r"^2026-01-01", re.MULTILINE)
