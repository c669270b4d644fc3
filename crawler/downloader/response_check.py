"""Check of responses before parsing: error pages sent with status 200, bot challenges, wrong types, truncation."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from html import unescape
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from scrapy.http import Response

from crawler.bengali.text import LONG_MARK_RUN
from crawler.decoding.charset import decode_text, sniff
from crawler.downloader.errors import outcome_of_status
from crawler.entry_points import Feed, Json, Sitemap
from crawler.outcomes import Outcome
from crawler.parsing.feeds import has_entries
from crawler.safe_text import one_line

#: (outcome, reason) of a response that is not parsed.
Rejection = tuple[Outcome, str]

MAX_ERROR_PAGE_BYTES = 32 * 1024
# The menus of a newspaper's page alone are longer than the text of an error page.
MAX_ERROR_TEXT_LENGTH = 600
MAX_TITLE_LENGTH = 200
START_BYTES = 4 * 1024
END_BYTES = 32 * 1024
USUAL_END_BYTES = 64


def check(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    url: str,
    flags: Iterable[str] = (),
    *,
    is_feed: bool = False,
    is_json: bool = False,
) -> Rejection | None:
    """Return the outcome and reason for rejecting a response, or None if the response is to be parsed.

    :param headers: header fields, with names in any case
    :param body: the decompressed body
    :param flags: Scrapy's flags: `partial` if the server gave no length, `dataloss` if the body is incomplete
    :param is_feed: a feed or sitemap was requested, which may be plain text or begin with an error message
    :param is_json: a JSON document was requested, which may be labelled as HTML
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
        return Outcome.CORRUPT, "only a part of the response was sent"
    if not body or body.isspace():
        return Outcome.CORRUPT, "an empty response"
    if is_feed and (page.kind == "gzip" or has_entries(body[:MAX_ERROR_PAGE_BYTES])):
        # A feed is parsed in spite of error messages before or after it, so that no entry is lost.
        return _cut_short(page.kind, body) if "partial" in flags else None
    if error := page.error:
        return Outcome.SOFT_ERROR, error
    is_expected = is_json and page.kind == "json"
    if not is_expected and (wrong_type := _wrong_type(page.kind, fields.get("content-type", ""), url)):
        return wrong_type
    # End tags of HTML are optional. They are required only if the server gave no length that shows where the body ends.
    return _cut_short(page.kind, body) if "partial" in flags else None


def is_complete(response: Response) -> bool | None:
    """Return True if a body arrived completely, as shown by its length or its last chunk, otherwise False.

    Return None if the server sent neither a length nor chunks.
    """
    return None if "partial" in response.flags else "dataloss" not in response.flags


_CHECKED: WeakKeyDictionary[Response, Rejection | None] = WeakKeyDictionary()


def check_response(response: Response) -> Rejection | None:
    """Return the result of :func:`check` for a response.

    The result is cached, because both the retry middleware and the spider need it.
    """
    if response not in _CHECKED:
        headers = {
            name.decode("latin-1"): b", ".join(values).decode("latin-1") for name, values in response.headers.items()
        }
        entry_point = response.request.meta.get("entry_point") if response.request else None
        _CHECKED[response] = check(
            response.status,
            headers,
            response.body,
            response.url,
            response.flags,
            is_feed=isinstance(entry_point, (Feed, Sitemap)),
            is_json=isinstance(entry_point, Json),
        )
    return _CHECKED[response]


def _wrong_type(kind: str, label: str, url: str) -> Rejection | None:
    path = urlsplit(url).path.lower()
    is_json = kind == "json" and ("json" in label.lower() or path.endswith(".json"))
    if kind in ("html", "xml") or is_json or (kind == "gzip" and path.endswith(".gz")):
        return None
    return Outcome.WRONG_TYPE, f"{kind}, not a page"


def _cut_short(kind: str, body: bytes) -> Rejection | None:
    """Return a rejection if the end of the document is missing, otherwise None.

    HTML that does not begin like a whole document is a valid part of a page and not rejected.
    """
    end = body[-END_BYTES:].rstrip()
    complete = True
    if kind == "html" and _DOCUMENT_START.search(body[:START_BYTES]):
        usual = _DOCUMENT_END.search(end, len(end) - USUAL_END_BYTES)
        complete = usual is not None or _DOCUMENT_END.search(end) is not None
    elif kind == "xml" and (root := _XML_ROOT.match(body[:START_BYTES])):
        complete = bool(root["empty"]) or _closes(end, root["name"])
    elif kind == "json":
        complete = end.endswith((b"}", b"]"))
    return None if complete else (Outcome.CORRUPT, "cut short: the end of the document is missing")


def _closes(end: bytes, name: bytes) -> bool:
    """Return True if an XML document ends with the closing tag of its root element; a comment may follow the tag."""
    _, closing, rest = end.rpartition(b"</" + name)
    bracket, _, after = rest.partition(b">")
    return bool(closing) and not bracket.strip() and after.strip()[:4] in (b"", b"<!--")


class _Page:
    """The text of a response, which is searched for error messages and challenges; of a large page, only the start."""

    def __init__(self, body: bytes, label: str | None) -> None:
        self.kind = sniff(body)
        self._title = self._text = ""
        self._is_small = len(body) <= MAX_ERROR_PAGE_BYTES
        if not self._is_small:
            self._source = decode_text(body[:MAX_ERROR_PAGE_BYTES].lstrip()[:START_BYTES], label)
            return
        # The phrases below are in NFC; pages may spell their letters differently.
        self._source = unicodedata.normalize("NFC", LONG_MARK_RUN.sub(r"\1", decode_text(body, label)))
        if self.kind != "html":
            self._text = " ".join(self._source.split())
            return
        # Not parsed: of a hostile page, the tree could take a gigabyte in the crawl's process.
        shown = _SILENT.sub(" ", self._source)
        if title := _TITLE.search(shown):
            self._title = " ".join(unescape(title[1]).split())[:MAX_TITLE_LENGTH]
        self._text = " ".join(unescape(_MARKUP.sub(" ", _TITLE.sub(" ", shown))).split())

    @property
    def _may_be_error(self) -> bool:
        return self._is_small and len(self._text) < MAX_ERROR_TEXT_LENGTH and not _STORY.search(self._source)

    @property
    def is_challenge(self) -> bool:
        """Return True if the page is a challenge, such as a CAPTCHA, that only a browser or a person can pass.

        Only the title and the script variables of a challenge page are evidence, because ordinary pages load the same
        script of Cloudflare.
        """
        return self._may_be_error and ("_cf_chl_opt" in self._source or bool(_CHALLENGE_TITLE.match(self._title)))

    @property
    def error(self) -> str | None:
        if self.kind not in ("html", "text"):
            return None
        if raw := _RAW_ERROR.match(self._source):
            return f"an error instead of a page: {_excerpt(raw[0])}"
        if not self._may_be_error:
            return None
        if _ERROR_TITLE.match(self._title):
            return f"an error page: {_excerpt(self._title)}"
        phrase = _ERROR_PHRASE.search(self._text)
        return f"an error page: {_excerpt(phrase[0])}" if phrase else None


def _excerpt(text: str) -> str:
    return one_line(_MARKUP.sub(" ", text), 80)


_MARKUP = re.compile(r"<[^<>]*+>")
_SILENT = re.compile(
    r"<!--(?:[^-]++|-(?!->))*+(?:-->)?"
    r"|<(script|style|noscript)(?=[\s/>])(?:[^<]++|<(?!/\1[\s/>]))*+(?:</[^>]*+>)?",
    re.IGNORECASE,
)
_TITLE = re.compile(r"<title(?=[\s/>])[^>]*+>((?:[^<]++|<(?!/title[\s/>]))*+)", re.IGNORECASE)
_DOCUMENT_START = re.compile(rb"<(?:!doctype\s+html|html[\s>]|body[\s>])", re.IGNORECASE)
_DOCUMENT_END = re.compile(rb"</(?:html|body)\s*>", re.IGNORECASE)
_XML_ROOT = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*+(?:(?><\?.*?\?>|<!--.*?-->|<!(?!--)[^>\[]*+(?:>|\[.*?\]\s*+>))\s*+)*+"
    rb"<(?P<name>[A-Za-z_][\w:.-]*+)(?:\s[^>]*?)?(?P<empty>/)?>",
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
    r"\A(?:(?:error\W*+)?(?:403|404|410|429|500|502|503|504|520|521|522|523|524)\b"
    r"|(?:error|(?:the )?page (?:was )?not found|not found|forbidden|maintenance)\W*$|(?:.*\W)?page not found\b"
    rf"|(?:পাতা|পেজ|পেইজ|পৃষ্ঠা)[\u0980-\u09ff]*\s+(?:খুঁজে\s+)?{unicodedata.normalize('NFC', 'পাওয়া যায়নি')}"
    rf"|(?:.*\W)?(?:{_PHRASES}))",
    re.IGNORECASE,
)
# Error messages of a failing server, before or instead of the page. No real page begins with one.
_RAW_ERROR = re.compile(
    r"\A\s*+(?:(?:<br\s*+/?>|<b>|<pre>|<p>)\s*+)*+"
    r"(?:(?:php\s+)?(?:fatal|parse) error\b|traceback \(most recent|warning(?:</b>)?:\s*(?:mysqli|pdo|pg)\w*+"
    rf"|(?:error:?\s*)?(?:{_PHRASES}))[^\n<]*+",
    re.IGNORECASE,
)
