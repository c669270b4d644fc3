"""The stories of a replica, without markup: what a right reading of each page holds."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from random import Random

from ..bengali_text import MONTHS, digits, stored
from ..text_generator import BEATS, TextGenerator

STORIES = 30
FIRST = datetime(2026, 3, 16, 2, 11, tzinfo=timezone(timedelta(hours=6)))


@dataclass(frozen=True)
class Piece:
    """One story; `number` counts within the site, `ident` is the id as its URLs write it."""

    number: int
    ident: str
    section: str
    section_title: str
    headline: str
    kicker: str | None
    subtitle: str | None
    authors: tuple[str, ...]
    published: datetime
    updated: datetime | None
    edition: str
    picture: str
    caption: str
    paragraphs: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def slug(self) -> str:
        return "-".join(self.headline.replace(",", "").split()[:5])


def compose(site: str, idents: list[str], sections: dict[str, str], hours: float) -> list[Piece]:
    """Return the stories of a site, oldest first.

    :param idents: the id of each story, in order
    :param sections: title of each section by its path
    :param hours: offset of the site's zone
    """
    rng = Random(site)
    zone = timezone(timedelta(hours=hours))
    pieces = []
    for number, ident in enumerate(idents):
        published = (FIRST + timedelta(minutes=97 * number)).astimezone(zone)
        text = TextGenerator(rng, BEATS["national"], published)
        section = rng.choice([*sections])
        pieces.append(
            Piece(
                number=number,
                ident=ident,
                section=section,
                section_title=sections[section],
                headline=text.headline(),
                kicker=stored(text.fill("{place.l} {topic}")) if number % 3 == 0 else None,
                subtitle=stored(text.fill("{inst} {topic} নিয়ে ব্যস্ত")) if number % 4 == 0 else None,
                authors=tuple(map(stored, text.names[: 1 + (number % 5 == 0)])),
                published=published,
                updated=published + timedelta(minutes=41) if number % 2 else None,
                edition="print" if number % 6 == 5 else "online",
                picture=f"picture-{site}-{number}",
                caption=text.sentence(),
                paragraphs=tuple(text.paragraph() for _ in range(3 + number % 3)),
                tags=tuple(dict.fromkeys(stored(topic) for topic in text.topics[:2])),
            )
        )
    return pieces


def bengali_date(moment: datetime, form: str) -> str:
    """Print a moment with Bengali digits and month; `form` is a format string."""
    return form.format(
        d=digits(f"{moment.day:02d}"),
        m=MONTHS[moment.month - 1],
        y=digits(moment.year),
        H=digits(f"{moment.hour:02d}"),
        I=digits(f"{moment.hour % 12 or 12:02d}"),
        M=digits(f"{moment.minute:02d}"),
        half="এএম" if moment.hour < 12 else "পিএম",
    )
