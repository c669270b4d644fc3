"""What stands among a story's paragraphs and is none of them: captions, links to other stories, lines of the house."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from unicodedata import normalize

from crawler.bengali.text import clean, clean_all
from crawler.outcomes import Outcome
from crawler.parsing.captions import has_picture_credit, is_picture_credit, reads_alike
from crawler.parsing.text_blocks import Block
from crawler.urls import SiteUrl, SkippedUrl, UrlRules

# Posts of other networks are not the story's own words; what is hidden is no text of a page.
EMBEDDED = (
    ".twitter-tweet, .twitter-video, .instagram-media, .fb-post, .fb-video, .tiktok-embed, .reddit-card, [hidden],"
    ' [style*="display:none"], [style*="display: none"]'
)
_ABOUT = r"(?:(?:এ|এই)\s*)?(?:বিষয়ে|সম্পর্কিত|সংক্রান্ত|প্রসঙ্গে)"
_MORE = (
    rf"(?:{_ABOUT}\s*)?(?:আরও|আরো)\s*(?:পড়ুন|পড়তে পারেন|দেখুন|জানুন|খবর|সংবাদ)|পড়ুন\s*(?:আরও|আরো)"
    rf"|{_ABOUT}\s*(?:খবর|সংবাদ)|বিস্তারিত\s*পড়ুন|read\s+(?:more|also)|related\s+(?:news|stories)"
)
_LABEL = re.compile(normalize("NFC", rf"\W*(?:{_MORE})\s*(?P<mark>[:ঃ।.…>»→–—|-]*)\s*"), re.IGNORECASE)
_SOMETHING = re.compile(r"[^\W\d_]")
# A link that is never closed goes on over all paragraphs that follow, and they are no links to other stories.
_UNCLOSED = 3


@dataclass(frozen=True)
class Asides:
    """What is left out of one story's text.

    :param promo: patterns of lines that the newspaper adds to every story
    :param headline, caption: what may be printed once more where the text begins
    """

    url_rules: UrlRules
    base: str
    promo: tuple[re.Pattern[str], ...] = ()
    headline: str | None = None
    caption: str | None = None

    def without(self, blocks: Iterable[Block]) -> Iterator[str]:
        """The story's own paragraphs among the blocks, clean."""
        every = list(blocks)
        leading = Counter(link for block in every if not block.plain for link in set(block.links))
        first = True
        for block, text in zip(every, clean_all(block.text for block in every), strict=True):
            if text is None or self._is_aside(text, block, leading) or (first and self._is_repeated(text)):
                continue
            first = False
            yield text

    def _is_aside(self, text: str, block: Block, leading: Counter[str]) -> bool:
        pictured = block.picture is not None
        return (
            is_picture_credit(text, below_picture=pictured)
            or (pictured and (has_picture_credit(text) or text == clean(block.picture)))
            or any(pattern.search(text) for pattern in self.promo)
            or self._leads_away(text, block, leading)
        )

    def _is_repeated(self, text: str) -> bool:
        return any(reads_alike(text, line) for line in (self.headline, self.caption) if line)

    def _leads_away(self, text: str, block: Block, leading: Counter[str]) -> bool:
        """Whether a line only says that there is more to read, or is nothing but links to other stories."""
        if label := _LABEL.match(text):
            if label.end() == len(text) or (label["mark"] and not text[label.end() :].startswith(("http", "www"))):
                return True
            unlinked = _LABEL.match(block.plain)
            if block.links and not _SOMETHING.search(block.plain, unlinked.end() if unlinked else 0):
                return True
        if not block.links or _SOMETHING.search(block.plain):
            return False
        return all(self._is_other_story(link) and leading[link] < _UNCLOSED for link in block.links)

    def _is_other_story(self, link: str) -> bool:
        match self.url_rules.identify(link, self.base):
            case SiteUrl(story_id=story_id):
                return story_id is not None
            case SkippedUrl(outcome=Outcome.NOT_A_STORY):
                return True
            case SkippedUrl(url=url, outcome=Outcome.OFFSITE):  # its archive, its paper's facsimile
                return f".{self.url_rules.hosts[0].removeprefix('www.')}/" in url
        return False
