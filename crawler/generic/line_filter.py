"""Removal of lines before, after and between the paragraphs of a story that are not part of it, such as buttons."""

import re
from collections import Counter
from collections.abc import Sequence

from crawler.bengali.text import compile_nfc
from crawler.generic.container import Candidate
from crawler.generic.titles import read_alike
from crawler.parsing.selectors import self_and_ancestors

_MAX_LABEL = 300
_HEAD_SHARE = 0.3  # of the story's prose, within which a repeated headline is looked for
_WORD = re.compile(r"[^\W\d_]")
_LABEL = compile_nfc(
    r"""\A\W*+(?:
      (?:by|von|por|par|автор)\s++\S++(?:\s++\S++){0,4}+
    | (?:by|von|por|par)\s.{0,80}\b(?:19|20)\d\d\b.{0,40}+
    | (?:caption|close|more|expand|view\ all|next|prev(?:ious)?|click\ to\ tweet|iklan|anzeige|werbung|publicidade?
        |publicité|pubblicità|реклама|annons|reklama?|(?:image|photo|slide)?\s?\d{1,3}\s(?:of|/)\s\d{1,3}|\W)++
    | (?:tempo\ de\ leitura|tiempo\ de\ lectura|temps\ de\ lecture|lesezeit|leestijd|reading\ time|পড়ার\ সময়).{0,30}+
    | (?:(?:share|tweet|facebook|twitter|whatsapp|pinterest|linkedin|e?-?mail|print|comments?|like|save|copy\ link
        |reddit|telegram|messenger|instagram|youtube|google\+?|news|on|this|via|with|friends|শেয়ার|করুন|প্রিন্ট|মন্তব্য
        |\d++)(?!\w)\W*+)++
    | (?:first\ published|published|last\ updated|updated|posted|modified)\b.{0,120}+
    | .{0,15}\b\d{1,3}\s?min(?:ute)?s?\s+read
    | (?:related|tags?|topics?|filed\ under|categor(?:y|ies)|more\ on|share\ this|follow\ us|authors?|source|ট্যাগ|বিষয়)
      \b.{0,40}+
    )\W*+\Z""",
    re.IGNORECASE | re.VERBOSE,
)
_PHRASE = compile_nfc(
    r"\A.{0,30}\b(?:newsletters?|subscribe|sign\s?up)\b|\bclick here\b|\A.{0,40}©|\ball rights reserved\b"
    r"|\bfollow\b.{0,60}\b(?:twitter|facebook|instagram)\b"
    r"|(?:গুগল নিউজ|ফেসবুক পে[ইজ]|ইউটিউব চ্যানেল).{0,80}(?:অনুসরণ|ফলো|সাবস্ক্রাইব|ফিড)",
    re.IGNORECASE,
)
# Lines about the making of the story, which only close it.
_CLOSING = compile_nfc(
    r"\A\W*+(?:(?:additional |with )?reporting (?:by|for)|writing by|editing by|edited by|write to|reach the reporters?"
    r"|contact|follow|read more|share|tell us|join)\b|\bcontributed (?:to this (?:report|story|article)|reporting)\b"
    r"|\baffiliate commission\b|\bmoderating\b.{0,40}\bcomments\b",
    re.IGNORECASE,
)
_DATED = re.compile(r"\A(?=.{6,60}\Z).*(?<!\d)(?:(?:19|20)\d\d|(?:১৯|২০)[০-৯]{2})(?!\d)")


_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5"))
_SUBTITLE = re.compile(
    r"sub-?_?(?:title|head)|\bdec?k\b|stand-?first|excerpt|strap-?line|tag-?line|article-?description", re.IGNORECASE
)


def story_lines(chosen: Sequence[Candidate], headline: str | None, summary: str | None) -> list[Candidate]:
    """Return those of the chosen text blocks that are lines of the story.

    The headline, the lines before it, and labels such as dates and buttons are removed.

    :param summary: description in the head of the page; it is removed if it is above the text as a subtitle
    """
    lines = [each for each in _after_headline(chosen, headline) if not _is_label(each)]
    main = _main_parent(lines)
    while lines and (_is_edge(lines[0]) or (main not in lines[0].chain and _is_preamble(lines[0], summary))):
        lines = lines[1:]
    while lines and (_is_edge(lines[-1]) or _is_closing(lines[-1])):
        lines = lines[:-1]
    return lines


def _after_headline(chosen: Sequence[Candidate], headline: str | None) -> list[Candidate]:
    start, passed = 0, 0
    limit = _HEAD_SHARE * sum(each.prose for each in chosen)
    for index, each in enumerate(chosen):
        if headline is not None and _repeats(each.block.text, headline):
            start = index + 1
        passed += each.prose
        if passed > limit:
            break
    return list(chosen[start:])


def _repeats(text: str, headline: str) -> bool:
    """Return True if a line repeats the headline.

    A full sentence with the same words is not a repetition, but the beginning of the story.
    """
    is_sentence = text.endswith((".", "।")) and not headline.endswith((".", "।"))
    return len(text) <= _MAX_LABEL and not is_sentence and read_alike(text, headline)


def _main_parent(lines: Sequence[Candidate]) -> int | None:
    """Return the id of the parent element of the blocks that hold most of the prose."""
    parents = Counter[int]()
    for each in lines:
        for key in each.chain[1:2]:
            parents[key] += each.prose
    return max(parents, key=parents.__getitem__, default=None)


def _is_preamble(line: Candidate, summary: str | None) -> bool:
    """Return True if a line between headline and text is a label, or a subtitle.

    If there is a ``summary``, a subtitle must repeat it.
    """
    if not line.prose:
        return True
    around = [*self_and_ancestors(line.block.element)][:3] if line.block.element else []
    is_subtitle = any(n.tag in _HEADINGS or _SUBTITLE.search(n.attributes.get("class") or "") for n in around)
    return is_subtitle and (summary is None or read_alike(line.block.text, summary))


def _is_edge(line: Candidate) -> bool:
    """Return True if a line is a link or a date, which are not part of a story at its beginning or end."""
    block = line.block
    is_link = block.links != () and not _WORD.search(block.unlinked)
    return is_link or is_date_line(line)


def _is_closing(line: Candidate) -> bool:
    return len(line.block.text) <= _MAX_LABEL and _CLOSING.search(line.block.text) is not None


def is_date_line(line: Candidate) -> bool:
    """Return True if a line is short and contains a year."""
    return not line.prose and _DATED.match(line.block.text) is not None


def _is_label(line: Candidate) -> bool:
    text = line.block.text
    return len(text) <= _MAX_LABEL and (_LABEL.match(text) is not None or _PHRASE.search(text) is not None)
