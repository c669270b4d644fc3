"""What somebody writes in an hour for one newspaper: a selector for each field."""

from typing import Any

from naive_date import date_in
from parsel import Selector


def story(page: Selector | Any) -> dict[str, Any]:
    """Headline, byline, date and body of a page, by parsel's selectors; a Scrapy response has them too."""
    paragraphs = page.css(".dtl_content_section p, .dtl_content_section li, .dtl_content_section h3")
    texts = (" ".join(paragraph.css("::text").getall()).strip() for paragraph in paragraphs)
    return {
        "headline": page.css(".details-title::text").get("").strip() or None,
        "byline": "".join(page.css(".rpt_info_section .rpt_name")[:1].css("::text").getall()).strip() or None,
        "published_at": date_in(" ".join(page.css(".rpt_info_section ::text").getall())),
        "body": "\n\n".join(text for text in texts if text),
    }
