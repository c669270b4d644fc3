"""Removal of boilerplate from the text of a story: captions, links to other stories, and lines that the site adds."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crawler.bengali.text import clean, compile_nfc
from crawler.outcomes import Outcome
from crawler.parsing.captions import has_picture_credit, is_picture_credit, reads_alike
from crawler.parsing.text_blocks import TextBlock
from crawler.urls import SiteUrl, SkippedUrl, UrlRules

# Embedded posts are not the story's own words; hidden elements are not visible.
EMBEDDED = (
    ".twitter-tweet, .twitter-video, .instagram-media, .fb-post, .fb-video, .tiktok-embed, .reddit-card, [hidden],"
    ' [style*="display:none"], [style*="display: none"]'
)
_ABOUT = r"(?:(?:এ|এই)\s*)?(?:বিষয়ে|সম্পর্কিত|সংক্রান্ত|প্রসঙ্গে)"
_MORE = (
    rf"(?:{_ABOUT}\s*)?(?:আরও|আরো)\s*(?:পড়ুন|পড়তে পারেন|দেখুন|জানুন|খবর|সংবাদ)|পড়ুন\s*(?:আরও|আরো)"
    rf"|{_ABOUT}\s*(?:খবর|সংবাদ)|বিস্তারিত\s*পড়ুন|এ\s*ছাড়া(?:ও)?\s*(?:পড়ুন|দেখুন)"
    r"|(?:সংশ্লিষ্ট|সম্পর্কিত)\s*(?:আরও\s*|আরো\s*)?(?:খবর|সংবাদ|নিউজ)"
    r"|(?:read|see|watch)\s+(?:more|also|next)|also\s+(?:read|see|watch)|you\s+(?:may|might)\s+also\s+like"
    r"|related\s+(?:news|stor(?:y|ies)|articles?|posts?|coverage|reading|topics?)|recommended(?:\s+for\s+you)?|related(?=\s*:)"
)
# A line with nothing but such a label is the heading of an advertisement.
_AD = (
    r"(?:গুগল\s*)?বিজ্ঞাপ[নণ]|অ্যাড|স্পন্সর(?:ড|ড্)?|স্পনসর(?:ড|ড্)?|পৃষ্ঠপোষকতায়|প্রমোশনাল?"
    r"|(?:google\s*)?ad(?:s|vert|verts|vertisements?|vertorial|vertising)?|(?:sponsored|promoted)(?:\s+(?:content|links?|posts?|stor(?:y|ies)|by))?"
    r"|paid\s+(?:content|post|partnership)|স্পন্সরড\s*কনটেন্ট"
)
_AD_NOTE = (
    r"(?:(?:the\s+)?(?:story|article)\s+continues\s+(?:below|after)(?:\s+(?:this|the))?"
    r"|scroll\s+(?:down\s+)?to\s+continue|continue\s+reading\s+below|skip)"
)
_AD_LABEL = compile_nfc(
    rf"\A[\W_]*+(?:{_AD_NOTE}\s*+)?(?:{_AD})(?:[\W_]++(?:{_AD}|{_AD_NOTE})(?![^\W_]))*+[\W_]*+", re.IGNORECASE
)
_MAX_LABEL_LENGTH = 100
_READ_MORE = compile_nfc(rf"\A\W*+(?:{_MORE})\s*+(?P<mark>[:ঃ।.…>»→–—|-]*+)\s*+", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]")
# A link that opens this many linked blocks was probably never closed, so they are not links to other stories.
_UNCLOSED_LINK = 3


@dataclass(frozen=True)
class BoilerplateFilter:
    """Filter that removes boilerplate (captions, links to other stories, added lines) from the text of one story.

    :param base_url: URL to which the links are relative
    :param promo: patterns of lines that the site adds to every story
    :param headline: headline of the story, which is removed if it is repeated as the first paragraph; likewise
        ``caption``
    """

    url_rules: UrlRules
    base_url: str
    promo: tuple[re.Pattern[str], ...] = ()
    headline: str | None = None
    caption: str | None = None

    def story_paragraphs(self, blocks: Iterable[TextBlock]) -> Iterator[str]:
        """Yield the paragraphs that are not boilerplate, as clean text."""
        blocks = list(blocks)
        link_counts = Counter(link for block in blocks if not block.unlinked for link in set(block.links))
        is_first = True
        for block in blocks:
            text = clean(block.text)
            if text is None or self._is_boilerplate(text, block, link_counts):
                continue
            if not is_first or not any(reads_alike(text, line) for line in (self.headline, self.caption) if line):
                is_first = False
                yield text

    def _is_boilerplate(self, text: str, block: TextBlock, link_counts: Counter[str]) -> bool:
        return (
            (len(text) <= _MAX_LABEL_LENGTH and _AD_LABEL.fullmatch(text) is not None)
            or is_picture_credit(text)
            or (block.picture is not None and (has_picture_credit(text) or text == clean(block.picture)))
            or any(pattern.search(text) for pattern in self.promo)
            or self._is_reading_tip(text, block, link_counts)
        )

    def _is_reading_tip(self, text: str, block: TextBlock, link_counts: Counter[str]) -> bool:
        """Return True if a line contains only a label such as আরও পড়ুন ("read more"), or only links to stories."""
        if label := _READ_MORE.match(text):
            is_followed = _WORD.search(text, label.end()) is not None
            if not is_followed or (label["mark"] and not text[label.end() :].startswith(("http", "www"))):
                return True
            unlinked = _READ_MORE.match(block.unlinked)
            if block.links and not _WORD.search(block.unlinked, unlinked.end() if unlinked else 0):
                return True
        return (
            block.links != ()
            and not _WORD.search(block.unlinked)
            and all(self._is_other_story(link) and link_counts[link] < _UNCLOSED_LINK for link in block.links)
        )

    def _is_other_story(self, link: str) -> bool:
        match self.url_rules.identify(link, self.base_url):
            case SiteUrl(story_id=story_id):
                return story_id is not None
            case SkippedUrl(outcome=Outcome.NOT_A_STORY):
                return True
            case SkippedUrl(url=url, outcome=Outcome.OFFSITE):  # another host of the newspaper, such as its archive
                return f".{self.url_rules.hosts[0].removeprefix('www.')}/" in url
        return False
