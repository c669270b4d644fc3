"""Markup of each field of a story's page, with the element names of the real site; empty for a missing field."""

from dataclasses import dataclass
from html import escape

from . import body_html
from .bengali_text import long_moment
from .decoy_urls import SITE
from .page_frame import LAZY
from .page_layout import PageLayout
from .picture import Picture
from .site_state import SiteState
from .stories import State, Story
from .templates import fragment
from .text_noise import TextNoise

_EDITIONS = {"online": "অনলাইন সংস্করণ", "print": "প্রিন্ট সংস্করণ"}
_NO_SUCH_DAY = "৩২ ফেব্রুয়ারি ২০২৬, ০৫:১০ পিএম"
_ICON = '<span class="Layer_1"><svg viewBox="0 0 512 512" width="14"><path d="M256 8C119 8 8 119"></path></svg></span>'


@dataclass(frozen=True)
class StoryMarkup:
    """One story with its state and layout."""

    view: SiteState
    story: Story
    state: State
    look: PageLayout
    dirt: TextNoise

    @property
    def url(self) -> str:
        return self.story.url(self.view.now)

    def has(self, trait: str) -> bool:
        return trait in self.story.traits

    def placed(self, name: str, html: str) -> str:
        """Return the markup of a field in its place, broken if the field is."""
        return self.look.place(name, self.story.number, html)

    def broken(self, *names: str) -> bool:
        """Report if one of the fields is broken on this page."""
        return any(self.look.broken(name, self.story.number) for name in names)

    def in_head(self, name: str) -> bool:
        return self.look.in_head(name, self.story.number)


def fields(sheet: StoryMarkup) -> dict[str, str]:
    """Return the markup of fields by name."""
    story, state = sheet.story, sheet.state
    return {
        "kicker": _kicker(sheet),
        "headline": _headline(sheet),
        "byline": byline(story),
        "published_at": moment("প্রকাশ", published(story)),
        "updated_at": moment("আপডেট", long_moment(state.updated) if state.updated and story.edition else None),
        "edition": edition(story),
        "body": _body(sheet),
        "tags": _tags(story),
    }


def meta(placed: dict[str, str]) -> str:
    """Return the block of byline, dates and edition in the left column."""
    dates = placed["published_at"] + placed["updated_at"]
    dates = f'<div class="entry_update mb-0">\n{dates}</div>\n' if dates else ""
    inner = placed["byline"] + dates + placed["edition"]
    if not inner:
        return ""
    block = f'<div class="rpt_info_section border-bottom mb-2 pb-2">\n{inner}</div>'
    return f'<div class="rpt_and_share_block">\n{block}\n</div>\n'


def phone_meta(sheet: StoryMarkup) -> str:
    """Return the copy of byline and date for phones, with the edition after a `|`."""
    story = sheet.story
    if story.edition is None or sheet.broken("byline", "published_at", "edition"):
        return ""
    who = f'<div class="rpt_name">{escape(story.byline, quote=False)}</div>' if story.byline else ""
    when = f'<div class="entry_update">{published(story)} | {_EDITIONS[story.edition]}</div>'
    return f'<div class="mobile_post_meta"><div class="rpt_info_section">{who}{when}</div></div>\n'


def hanger(sheet: StoryMarkup) -> str:
    """Return the red line below some headlines, which is in no column."""
    return '<h6 class="hanger">বিস্তারিত আসছে</h6>\n' if sheet.has("kicker and hanger") else ""


def byline(story: Story) -> str:
    if story.byline is None:
        return ""
    icon = '<i class="fa-solid fa-circle-user me-2"></i>'
    return f'<div class="rpt_name mt-2">{icon} {escape(story.byline, quote=False)}</div>\n'


def published(story: Story) -> str | None:
    if story.edition is None:
        return None
    return _NO_SUCH_DAY if story.slot.kind == "bad date" else long_moment(story.published)


def moment(label: str, printed: str | None) -> str:
    style = "display: inline-block; width: 90%; padding-left: 5px;"
    return f'{_ICON}<div style="{style}">{label} : {printed}</div>\n' if printed else ""


def edition(story: Story) -> str:
    icon = '<i class="fa-solid fa-square-pen me-2"></i>'
    return f'<div class="edition">{icon} {_EDITIONS[story.edition]}</div>\n' if story.edition else ""


def lead(sheet: StoryMarkup) -> str:
    """Return the lead picture with its caption, printed twice; the headline replaces a missing caption."""
    picture = sheet.story.picture
    if picture is None:
        return ""
    printed = "" if sheet.broken("image_caption") else picture.printed or sheet.state.headline
    caption = sheet.dirt.attribute(printed)
    image = sheet.placed("image_url", _image(sheet, picture, caption))
    if sheet.has("sub-html caption"):
        address = "" if sheet.broken("image_url") else f' data-src="{_address(sheet, picture)}"'
        image = image.replace(" detailImg", "")
        label = f'data-sub-html="ছবির ক্যাপশন: {caption}"'
        inner = f'<div class="inner_img detailImg"{address} {label}><div class="img">{image}</div></div>'
    else:
        inner = f'<div class="img">{image}</div><div class="dtl_img_caption">{sheet.dirt.text(printed)}</div>'
    return f'<div class="dtl_img_section post_template-0">{inner}</div>\n'


def _headline(sheet: StoryMarkup) -> str:
    tag = "h2" if sheet.has("h2 title") else "h1"
    title = f'<{tag} class="details-title fw-bold" style="color: ">{sheet.dirt.text(sheet.state.headline)}</{tag}>'
    return f'<div class="headline_section mb-2">{title}</div>\n'


def _kicker(sheet: StoryMarkup) -> str:
    if sheet.story.kicker is None:
        return ""
    tag = "h5" if sheet.has("kicker") or sheet.has("kicker and hanger") else "h6"
    return f"<{tag}>{sheet.dirt.text(sheet.story.kicker)}</{tag}>\n"


def _body(sheet: StoryMarkup) -> str:
    promotion = fragment("promotion") if sheet.has("inner promo") else ""
    text = body_html.body(sheet.view, sheet.story, sheet.state, sheet.dirt)
    return f'<div class="dtl_content_section">\n{text}{promotion}</div>\n'


def _tags(story: Story) -> str:
    links = "".join(f'<a href="{SITE}/search/google/?q={tag}">{tag}</a>\n' for tag in story.tags)
    return f'<div id="tags_list">\n{links}</div>\n' if links else ""


def _image(sheet: StoryMarkup, picture: Picture, caption: str) -> str:
    address = _address(sheet, picture)
    if sheet.has("lazy lead"):
        return f'<img class="lazy img-fluid detailImg" src="{LAZY}" data-original="{address}" alt="{caption}">'
    return f'<img class="img-fluid detailImg" src="{address}" alt="{caption}">'


def _address(sheet: StoryMarkup, picture: Picture) -> str:
    return picture.path if sheet.has("relative image") else picture.url
