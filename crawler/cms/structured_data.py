"""Extractors for meta elements, JSON-LD and breadcrumbs, to be tried after the extractors of a site's own markup."""

from crawler.parsing.extractors import breadcrumb, json_ld, meta

HEADLINE = (json_ld("headline"), meta("og:title"))
SECTION = (breadcrumb(), json_ld("articleSection"), meta("article:section"))
AUTHORS = (json_ld("author", "name", unlike=("publisher", "name")),)
PUBLISHED = (json_ld("datePublished"), meta("article:published_time"))
UPDATED = (json_ld("dateModified"), meta("article:modified_time"))
IMAGE = (json_ld("image", "url"), json_ld("image"), meta("og:image"))
#: Elements of advertisements and share buttons inside a text.
ADVERTS = ".google-auto-placed, .adsbygoogle, ins, .adDiv, .ads, [id*=div-gpt], [class*=share]"
