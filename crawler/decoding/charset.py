"""Detection of the content type and character set of a response body."""

import codecs
import re

from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding

MARKUP = ("html", "xml", "json")
_SIGNATURES = (
    (b"\x89PNG\r\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"RIFF", "media"),
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"OggS", "media"),
    (b"ID3", "media"),
    (b"wOF", "font"),
)
_XML_START = re.compile(rb"\A<\?xml(?>[^>]*?\?>)\s*+(?:(?><!--.*?-->|<\?.*?\?>)\s*+)*+", re.DOTALL)
_HTML_START = re.compile(rb"<(?:!doctype\s+html|html[\s>])", re.IGNORECASE)
_FEED_START = re.compile(rb"<(?:rss|feed|urlset|sitemapindex|rdf:rdf)[\s>]", re.IGNORECASE)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))


def sniff(body: bytes) -> str:
    """Return the type of a body by its content, such as `html`, `xml`, `json`, `text`, `image`, `pdf` or `binary`."""
    for signature, kind in _SIGNATURES:
        if body.startswith(signature):
            return kind
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return sniff(body[:4096].decode("utf-16", errors="ignore").encode())
    start = body[:4096].lstrip(codecs.BOM_UTF8 + b" \t\n\r\f\v")
    if start.startswith(b"<"):
        prolog = _XML_START.match(start)
        root = start[prolog.end() :] if prolog else start
        if _FEED_START.match(root) or (prolog and not _HTML_START.match(root)):
            return "xml"
        return "html"
    if len(start.translate(None, _CONTROLS)) < len(start) - len(start) // 50:
        return "binary"
    if re.match(rb'\{\s*["}]|\[\s*(?:[\[{"\]]|-?\d)', start):
        return "json"
    return "text"


_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Charsets of web pages. Python has others (utf-7, unicode_escape, idna, …) that would turn plain letters into markup.
_CHARSETS = re.compile(
    r"utf-16(-[lb]e)?|iso8859-\d+|cp(125\d|874|949|932)|koi8-[rut]|gb(k|2312|18030)|big5(hkscs)?|euc_(jp|kr)|shift_jis"
)
_BENGALI = re.compile(r"[\u0980-\u09ff]")


def decode_text(body: bytes, declared: str | None = None) -> str:
    """Decode the body of a page; bytes that cannot be decoded become U+FFFD.

    The charset is, in order of precedence: that of a byte order mark; UTF-8, if the bytes are valid UTF-8 or contain
    Bengali in UTF-8; the declared charset; the charset of a `<meta>` element; UTF-8.

    :param declared: Content-Type header, or the name of a charset
    """
    return decoded(body, declared)[0]


def decoded(body: bytes, declared: str | None = None) -> tuple[str, bool]:
    """Decode a body as :func:`decode_text` does, and return (text, is_utf8).

    ``is_utf8`` is True if the body is exactly this text encoded in UTF-8.
    """
    for mark, charset in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(charset, errors="replace"), False
    codec = _codec(http_content_type_encoding(declared) or declared if declared else None)
    if codec and codec.startswith("utf-16") and b"\x00" in body[:200]:
        return body.decode("utf-16-be" if codec.endswith("be") else "utf-16-le", errors="replace"), False
    lenient = body.decode("utf-8", errors="replace")
    if "\ufffd" not in lenient:
        return lenient, True
    if _BENGALI.search(lenient):
        return lenient, False
    charset = codec or _codec(html_body_declared_encoding(body)) or "utf-8"
    return body.decode("utf-8" if charset.startswith("utf-16") else charset, errors="replace"), False


def _codec(charset: str | None) -> str | None:
    """Return the name of Python's codec for a charset, or None if web pages do not use the charset.

    Latin-1 and ASCII are treated as Windows-1252, as in browsers.
    """
    try:
        name = codecs.lookup(charset.strip().strip("\"'")).name if charset else ""
    except (LookupError, ValueError):
        return None
    if name in ("iso8859-1", "ascii"):
        return "cp1252"
    return name if _CHARSETS.fullmatch(name) else None
