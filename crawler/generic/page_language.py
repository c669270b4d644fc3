"""Detection of the language that a page declares in its markup."""

import re

from crawler.parsing.page import Page

_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*")


def declared_language(page: Page) -> str:
    """Return the language tag that a page declares, in lower case, such as `en-us`, or an empty string.

    A tag with a region has precedence over one without, because templates often contain a default `en`.
    """
    html = page.tree.css_first("html")
    values = [html.attributes.get("lang") if html else None]
    values += [value for each in page.json_ld if isinstance(value := each.get("inLanguage"), str)]
    values += [page.meta_tags.get(name) for name in ("og:locale", "content-language", "language", "dc.language")]
    tags = [tag for value in values if value and _TAG.fullmatch(tag := value.strip().lower().replace("_", "-"))]
    return max(tags, key=lambda tag: "-" in tag, default="")
