"""Sites on the CMS of eMythMakers, in its Laravel version: Samakal and bdnews24.

The text is in `#contentDetails` on both sites. JSON-LD gives the headline as the author, so its author is never read
(grade C). Reliability of these facts (A to C, see `crawler.cms`): Samakal B, bdnews24 C.
"""

from crawler.cms import structured_data as data
from crawler.parsing.extractors import attribute, css
from crawler.parsing.layout import Layout
from crawler.spider import NewspaperSpider

LAYOUT = Layout(
    name="emythmakers",
    title=(".dheading h1", ".details-title h1", "h1"),
    headline=(css(".dheading h1"), css(".details-title h1"), *data.HEADLINE),
    section=(css(".breadcrumb-item:nth-child(2)"), *data.SECTION),
    kicker=(css(".dheading .DsubHead, .dheading h2:has(+ h1)"), css(".details-title .shoulder-text")),
    subtitle=(css(".details-title p:not(.shoulder-text)"),),
    byline=(css(".writter"), css(".detail-author-name .author")),
    dates=(css(".dateAndTime"), css(".pub-up")),
    published=data.PUBLISHED,
    updated=data.UPDATED,
    image=(attribute(".DNewsImg img", "data-src", "src"), *data.IMAGE),
    ignored_images=r"placeholder|lazy|/media/common/|\.svg\b",
    caption=(css(".DNewsImg", remove="×"),),
    body=("#contentDetails", ".dNewsDesc"),
    exclude=f".DContentAdd2, {data.ADVERTS}",
    tags=".tagArea a",
)


class EMythMakers(NewspaperSpider):
    layouts = (LAYOUT,)
