"""Recognition of the family (content management system) of a site by markers in its pages."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: For each module of `crawler.cms`: its class, and markers as (description, pattern of the markup).
FAMILIES: Mapping[str, tuple[str, tuple[tuple[str, re.Pattern[str]], ...]]] = {
    name: (spider, tuple((text, re.compile(pattern, re.IGNORECASE)) for text, pattern in markers))
    for name, spider, markers in (
        (
            "jadewits",
            "Jadewits",
            (
                ("classes jw_…", r"""class\s*=\s*["'][^"']*\bjw_"""),
                ("a.link_overlay", r"""class\s*=\s*["'][^"']*\blink_overlay\b"""),
                ("/api/theme_engine/", "/api/theme_engine/"),
                (".tts_time", r"""class\s*=\s*["'][^"']*\btts_time\b"""),
                ("#contents_…_ajax_container", r"contents_\d+_ajax_container"),
            ),
        ),
        (
            "orange_bd",
            "OrangeBd",
            (
                ("classes dtl_…", r"""class\s*=\s*["'][^"']*\bdtl_"""),
                ("classes rpt_…", r"""class\s*=\s*["'][^"']*\brpt_"""),
                ("/templates/web-view/", r"/templates/web-v(?:iew|1)/"),
                ("#latestview…, #mostview…", r"""id\s*=\s*["'](?:latest|most)view\d"""),
            ),
        ),
        (
            "emythmakers",
            "EMythMakers",
            (
                ("#contentDetails", r"""id\s*=\s*["']contentDetails\b"""),
                ("pictures below media/imgAll/", "media/imgAll/"),
                ("its developer's name", "ইমিথমেকারস|emythmakers"),
                ("JSON on backoffice.…", r"//backoffice\.[\w.-]+/"),
            ),
        ),
        (
            "laravel_ajax",
            "LaravelAjax",
            (
                ("classes desktopDetail…", r"""class\s*=\s*["'][^"']*\bdesktopDetail"""),
                ("/ajax/load/", "/ajax/load/"),
                ("/ajax/store/newsView", "/ajax/store/newsView"),
            ),
        ),
        (
            "quintype",
            "Quintype",
            (
                ("script#static-page", r"""id\s*=\s*["']static-page["']"""),
                ("/api/v1/collections/", "/api/v1/collections"),
                ("pictures on assettype.com", r"\bassettype\.com|quintype"),
                ("classes story-element…", r"""class\s*=\s*["'][^"']*\bstory-element"""),
            ),
        ),
        (
            "wordpress",
            "WordPress",
            (
                ("/wp-content/", "/wp-content/"),
                ("/wp-json/", "/wp-json/"),
                ("generator WordPress", r"""content\s*=\s*["']WordPress\b"""),
                ("classes entry-content, td-post-content", r"""class\s*=\s*["'][^"']*\b(?:entry|td-post)-content\b"""),
            ),
        ),
    )
}


@dataclass(frozen=True)
class CmsEvidence:
    """A family and what speaks for it.

    :ivar name: module of `crawler.cms`
    :ivar spider: its class
    :ivar markers: number of pages with each marker that was found, by its description
    """

    name: str
    spider: str
    markers: Mapping[str, int]
    pages: int

    def __str__(self) -> str:
        return ", ".join(f"{text} on {count} of {self.pages} pages" for text, count in self.markers.items())


def find_families(pages: Sequence[str]) -> list[CmsEvidence]:
    """Return the families of which at least one marker was found, those with most markers first.

    :param pages: HTML of the pages
    """
    found = []
    for name, (spider, markers) in FAMILIES.items():
        counts = {text: sum(pattern.search(page) is not None for page in pages) for text, pattern in markers}
        if any(counts.values()):
            counts = {text: count for text, count in counts.items() if count}
            found.append(CmsEvidence(name, spider, counts, len(pages)))
    return sorted(found, key=lambda each: (len(each.markers), sum(each.markers.values())), reverse=True)
