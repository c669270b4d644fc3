"""Normal form of a URL's path and query, which is equal for all spellings that lead to the same page."""

import re
import unicodedata
from urllib.parse import parse_qsl, quote, unquote, urlencode

_TRACKING = re.compile(
    r"utm_\w+|at_(medium|campaign|\w+)|fb(clid|_\w+)|[gyt]clid|g(ad_\w+|braid|clsrc)|wbraid|dclid|msclkid|t[tw]clid"
    r"|igshid?|mibextid|mc_[ce]id|mkt_tok|_ga|_gl|_hs\w+|ref(_?src)?|s_cid|smid|cmpid|ocid|__twitter_impression",
    re.IGNORECASE,
)
_SIZE = re.compile(r"-(?:[0-9]{2,4}x[0-9]{2,4}|scaled)(?=\.[a-z]{3,4}\Z)")
_SEGMENT_SAFE = ":@!$&'()*+,;=~-._"


def canonical_path(path: str) -> str:
    """Return a path in normal form: in NFC, uniformly percent-encoded, and without a final slash.

    Dot segments and empty segments are removed.
    """
    segments: list[str] = []
    for escaped in path.split("/"):
        segment = _nfc(unquote(escaped))
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(quote(segment, safe=_SEGMENT_SAFE, errors="replace"))
    return "/" + "/".join(segments)


def canonical_query(query: str) -> str:
    """Return a query string in NFC, with sorted parameters and without tracking parameters such as `utm_source`."""
    pairs = ((_nfc(name), _nfc(value)) for name, value in parse_qsl(query, keep_blank_values=True))
    return urlencode(sorted(pair for pair in pairs if not _TRACKING.fullmatch(pair[0])), errors="replace")


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def file_name(link: str) -> str:
    """Return the file name at the end of a link, equal for all sizes of one picture.

    The sizes differ in folder and query; those of WordPress also in a part at the end of the name (`-696x392`).
    """
    return _SIZE.sub("", link.partition("#")[0].partition("?")[0].rpartition("/")[2])
