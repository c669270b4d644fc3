"""The lead picture of a story: its address, and a caption and credit in the forms that the paper prints."""

from dataclasses import dataclass
from random import Random
from typing import Final

from . import seed as seed_article
from .bengali_text import DHAKA
from .decoy_urls import SITE
from .publication_plan import Slot
from .text_generator import TextGenerator

# How a credit is printed, and what it credits once its label is taken off. The last two stand for a caption without a
# credit, and for neither (the page then repeats the headline).
_CREDITS: Final = (
    ("ছবি : সংগৃহীত", "সংগৃহীত", True),
    ("ছবি : সংগৃহীত", "সংগৃহীত", True),
    ("ছবি: ফোকাস বাংলা", "ফোকাস বাংলা", True),
    ("ছবি : কালবেলা", "কালবেলা", True),
    ("ছবি : সংগৃহীত", "সংগৃহীত", False),
    ("ছবি: সংগৃহীত", "সংগৃহীত", False),
    ("ছবি : কালবেলা গ্রাফিক্স", "কালবেলা গ্রাফিক্স", False),
    ("কালবেলা গ্রাফিক্স", "কালবেলা গ্রাফিক্স", False),
    ("গ্রাফিক্স : কালবেলা", "কালবেলা", False),
    ("", None, True),
    ("", None, False),
)


@dataclass(frozen=True)
class Picture:
    """`printed` is the caption as the page shows it, None where the page repeats the headline instead."""

    path: str
    caption: str | None
    credit: str | None
    printed: str | None

    @property
    def url(self) -> str:
        return SITE + self.path


def picture_of(slot: Slot, rng: Random, composer: TextGenerator) -> Picture | None:
    """The picture of a story, None where it has none."""
    if "no image" in slot.traits:
        return None
    path = image_path(slot, rng)
    if slot.kind == "seed":
        return Picture(path, seed_article.CAPTION, seed_article.CREDIT, seed_article.PRINTED_CAPTION)
    printed, credit, captioned = _CREDITS[slot.number % len(_CREDITS)]
    caption = _caption(rng, composer) if captioned else None
    return Picture(path, caption, credit, " ".join(part for part in (caption, printed) if part) or None)


def image_path(slot: Slot, rng: Random) -> str:
    """A picture's path, in the forms seen: by date, with the id and a time near publication."""
    moment = slot.published.astimezone(DHAKA)
    stamp = int(slot.published.timestamp()) - rng.randint(60, 1800)
    name = rng.choice(
        (f"image_{slot.number}_{stamp}.webp", f"image-{slot.number}-{stamp}.jpg", f"image-{slot.number}.webp")
    )
    return f"/assets/news_photos/{moment:%Y/%m/%d}/{name}"


def _caption(rng: Random, composer: TextGenerator) -> str:
    place, group = rng.choice(composer.places), rng.choice(composer.topics)
    return composer.fill(f"{{adj}} {group} ঘিরে {place} এলাকায় {{group.d}} {rng.choice(('ভিড়', 'অবস্থান', 'অপেক্ষা'))}") + "।"
