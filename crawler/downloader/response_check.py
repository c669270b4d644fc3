"""What an answer is before anything is read from it: a page, an error that says 200, a challenge, half of a page."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from scrapy.http import Response
from selectolax.lexbor import LexborHTMLParser

from crawler.decoding.charset import decode_text, sniff
from crawler.downloader.errors import outcome_of_status
from crawler.outcomes import Outcome
from crawler.safe_text import one_line

Verdict = tuple[Outcome, str]

SMALL_PAGE = 32 * 1024
# An error page says less than this; the menus alone of a newspaper's page say more.
SHORT_TEXT = 600
LONGEST_TITLE = 200
START_WITHIN = 4 * 1024
END_WITHIN = 32 * 1024
USUAL_END = 64


def judge(status: int, headers: Mapping[str, str], body: bytes, url: str, flags: Iterable[str] = ()) -> Verdict | None:
    """Why an answer is no page to read, as outcome and reason; None where it looks like one.

    `headers` by name in any case, `body` decompressed, `flags` as Scrapy sets them (`partial`, `dataloss`).
    """
    fields = {name.lower(): value for name, value in headers.items()}
    if fields.get("cf-mitigated", "").strip().lower() == "challenge":
        return Outcome.BLOCKED, "a challenge"
    if status == 304:
        return Outcome.UNCHANGED, "not modified"
    page = _Page(body, fields.get("content-type"))
    if page.is_challenge:
        return Outcome.BLOCKED, "a challenge page"
    if not 200 <= status < 300:
        return outcome_of_status(status), f"status {status}"
    if status == 206 or "dataloss" in flags:
        return Outcome.CORRUPT, "only a part of the answer came"
    if not body or body.isspace():
        return Outcome.CORRUPT, "an empty answer"
    if phrase := page.error:
        return Outcome.SOFT_ERROR, phrase
    return _wrong_type(page.kind, fields.get("content-type", ""), url) or _cut_short(page.kind, body)


# Of an answer that is under way: who asks again and who reads it both want to know.
_JUDGED: WeakKeyDictionary[Response, Verdict | None] = WeakKeyDictionary()


def judge_response(response: Response) -> Verdict | None:
    """The same of an answer as Scrapy hands it on, which nobody changes."""
    if response not in _JUDGED:
        _JUDGED[response] = _verdict(response)
    return _JUDGED[response]


def _verdict(response: Response) -> Verdict | None:
    fields = {name.decode("latin-1"): b", ".join(values).decode("latin-1") for name, values in response.headers.items()}
    return judge(response.status, fields, response.body, response.url, response.flags)


def _wrong_type(kind: str, label: str, url: str) -> Verdict | None:
    path = urlsplit(url).path.lower()
    if kind in ("html", "xml"):
        return None
    if kind == "json" and ("json" in label.lower() or path.endswith(".json")):
        return None
    if kind == "gzip" and path.endswith(".gz"):
        return None
    return Outcome.WRONG_TYPE, f"{kind}, not a page"


def _cut_short(kind: str, body: bytes) -> Verdict | None:
    """A document whose end is missing. A fragment that never began a document needs no end."""
    end = body[-END_WITHIN:].rstrip()
    whole = True
    if kind == "html" and _DOCUMENT_START.search(body[:START_WITHIN]):
        whole = _DOCUMENT_END.search(end, len(end) - USUAL_END) is not None or _DOCUMENT_END.search(end) is not None
    elif kind == "xml" and (root := _XML_ROOT.match(body[:START_WITHIN])):
        whole = bool(root["empty"]) or _closes(end, root["name"])
    elif kind == "json":
        whole = end.endswith((b"}", b"]"))
    return None if whole else (Outcome.CORRUPT, "cut short: the end of the document is missing")


def _closes(end: bytes, name: bytes) -> bool:
    """Whether XML ends with the root's closing tag, with nothing after it but a comment."""
    _, closing, rest = end.rpartition(b"</" + name)
    bracket, _, after = rest.partition(b">")
    return bool(closing) and not bracket.strip() and after.strip()[:4] in (b"", b"<!--")


class _Page:
    """An answer's text, as far as it takes to tell an error or a challenge from a page: of a large page, its start."""

    def __init__(self, body: bytes, label: str | None) -> None:
        self.kind = sniff(body)
        self._small = len(body) <= SMALL_PAGE
        start = body if self._small else body[:SMALL_PAGE].lstrip()[:START_WITHIN]
        self._source = decode_text(start, label)
        self._title = self._text = ""
        if self._small:
            self._read()

    def _read(self) -> None:
        # The letters of the phrases below can be written in two ways.
        self._source = unicodedata.normalize("NFC", self._source)
        if self.kind != "html":
            self._text = " ".join(self._source.split())
            return
        tree = LexborHTMLParser(self._source)
        title = tree.css_first("title")
        self._title = " ".join(title.text().split())[:LONGEST_TITLE] if title else ""
        tree.strip_tags(["head", "script", "style", "noscript"])
        self._text = " ".join(tree.text(separator=" ").split())

    @property
    def is_challenge(self) -> bool:
        """A page that wants the reader to prove something before it shows anything.

        Good pages load Cloudflare's script too, so it is no sign: only the challenge's own words and variables are.
        """
        if not self._small or len(self._text) >= SHORT_TEXT or _STORY.search(self._source):
            return False
        return "_cf_chl_opt" in self._source or _CHALLENGE_TITLE.match(self._title) is not None

    @property
    def error(self) -> str | None:
        """What an error page says, in a clause; None for everything else."""
        if self.kind not in ("html", "text"):
            return None
        if before_markup := _RAW_ERROR.match(self._source):
            return f"an error in place of a page: {_squeezed(before_markup[0])}"
        if not self._small or len(self._text) >= SHORT_TEXT or _STORY.search(self._source):
            return None
        if _ERROR_TITLE.match(self._title):
            return f"an error page: {_squeezed(self._title)}"
        said = _ERROR_PHRASE.search(self._text)
        return f"an error page: {_squeezed(said[0])}" if said else None


def _squeezed(text: str) -> str:
    return one_line(re.sub(r"<[^>]*>", " ", text), 80)


_DOCUMENT_START = re.compile(rb"<(?:!doctype\s+html|html[\s>]|body[\s>])", re.IGNORECASE)
_DOCUMENT_END = re.compile(rb"</(?:html|body)\s*>", re.IGNORECASE)
_XML_ROOT = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<![^>\[]*(?:\[.*?\])?>\s*)*"
    rb"<(?P<name>[A-Za-z_][\w:.-]*)(?:\s[^>]*?)?(?P<empty>/)?>",
    re.DOTALL,
)
_STORY = re.compile(
    r"""<article\b|"@type"\s*:\s*"(?:News|Reportage)?Article"|["']og:type["']\s+content=["']article["']""",
    re.IGNORECASE,
)
_CHALLENGE_TITLE = re.compile(
    r"just a moment|attention required!|checking your browser|ddos-guard|access denied|one more step"
    r"|please wait\b.*(?:cloudflare|verif)|are you (?:a )?(?:human|robot)|verify(?:ing)? you are human",
    re.IGNORECASE,
)
_PHRASES = (
    r"too many connections|SQLSTATE\[|error establishing a database connection|can(?:no|')t connect to (?:local )?mysql"
    r"|mysql server has gone away|uncaught (?:pdo|mysqli_sql|error)?exception|\bfatal error\b|internal server error"
    r"|bad gateway|service (?:temporarily )?unavailable|gateway time-?out|connection timed out|web server is down"
    r"|bandwidth limit exceeded|under maintenance|be right back|account (?:has been )?suspended"
)
_ERROR_PHRASE = re.compile(_PHRASES, re.IGNORECASE)
_ERROR_TITLE = re.compile(
    r"(?:error\W*)?(?:403|404|410|429|500|502|503|504|520|521|522|523|524)\b"
    r"|(?:error|(?:the )?page (?:was )?not found|not found|forbidden|maintenance)\W*$|(?:.*\W)?page not found\b"
    rf"|(?:পাতা|পেজ|পেইজ|পৃষ্ঠা)[\u0980-\u09ff]*\s+(?:খুঁজে\s+)?{unicodedata.normalize('NFC', 'পাওয়া যায়নি')}"
    rf"|(?:.*\W)?(?:{_PHRASES})",
    re.IGNORECASE,
)
# What a crashing server prints before, or instead of, the page: never the way a page begins.
_RAW_ERROR = re.compile(
    r"\s*(?:<br\s*/?>\s*|<b>\s*|<pre>\s*|<p>\s*)*"
    r"(?:(?:php\s+)?(?:fatal|parse) error\b|traceback \(most recent|warning(?:</b>)?:\s*(?:mysqli|pdo|pg)\w*"
    rf"|(?:error:?\s*)?(?:{_PHRASES}))[^\n<]*",
    re.IGNORECASE,
)
