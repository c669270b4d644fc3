"""The one story that was not composed: the page that the project started from, and the list that stood beside it.

`seed_article.txt` is that page's text as it was saved: byline, dates, edition, headline, caption twice, paragraphs,
promotion, comment box, the two tabs and the twenty latest headlines. Lines of one character were lost, so of the ranks
only ১০ to ২০ are there; each follows its headline.
"""

from datetime import datetime
from pathlib import Path
from typing import Final

from .bengali_text import DHAKA, stored

NUMBER: Final = 154313
SECTION: Final = "world/north-korea"
PUBLISHED: Final = datetime(2024, 12, 31, 20, 22, tzinfo=DHAKA)
UPDATED: Final = datetime(2024, 12, 31, 20, 23, tzinfo=DHAKA)
# The list belongs to the moment of the visit, a year after the story.
VISITED: Final = datetime(2026, 1, 11, 19, 5, tzinfo=DHAKA)

_LINES: Final = [
    stored(line) for line in (Path(__file__).parent / "seed_article.txt").read_text("utf-8").splitlines() if line
]
_PROMOTION: Final = next(i for i, line in enumerate(_LINES) if "Google News" in line)

BYLINE: Final = _LINES[0]
HEADLINE: Final = _LINES[4]
PRINTED_CAPTION: Final = _LINES[5]
CAPTION, CREDIT = (part.strip() for part in PRINTED_CAPTION.split("ছবি :"))
PARAGRAPHS: Final = tuple(_LINES[7:_PROMOTION])

_SECTIONS_OF_LATEST: Final = (
    ("national", "politics", "world/middle-east", "national", "entertainment", "national", "national", "job-news")
    + ("job-news", "politics", "court-law", "world/united-states", "politics", "country-news", "lifestyle", "politics")
    + ("sports/cricket", "world/middle-east", "national", "world/middle-east")
)
_HEADLINES: Final = [line for line in _LINES[_PROMOTION + 4 :] if len(line) > 2]
# Section and headline of the twenty latest stories at `VISITED`, first rank first.
LATEST: Final = tuple(zip(_SECTIONS_OF_LATEST, _HEADLINES, strict=True))
