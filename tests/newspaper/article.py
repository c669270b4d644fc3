"""The page of one story, in the skeleton of the real site: meta left, story in the centre, lists on the right."""

from html import escape

from . import field_markup
from .decoy_urls import SITE
from .field_markup import StoryMarkup
from .head_markup import head
from .page_frame import advertisement, page
from .page_layout import PageLayout
from .sections import SECTIONS
from .site_state import SiteState
from .stories import Story
from .templates import fragment
from .text_noise import TextNoise


def article_page(view: SiteState, story: Story, look: PageLayout, lists: str) -> str:
    """The whole page at the view's moment; `lists` is the two-tab block."""
    sheet = StoryMarkup(view, story, story.state(view.now), look, TextNoise(story.traits))
    markup = field_markup.fields(sheet)
    placed = {name: sheet.placed(name, html) for name, html in markup.items()}
    main = fragment(
        "article",
        breadcrumb=_breadcrumb(sheet),
        meta=field_markup.meta(placed),
        related=_related(sheet),
        **{name: placed[name] for name in ("kicker", "headline", "body", "tags")},
        hanger=field_markup.hanger(sheet),
        phone=field_markup.phone_meta(sheet),
        lead=field_markup.lead(sheet),
        promotion="" if sheet.has("inner promo") else fragment("promotion"),
        url=sheet.url,
        number=story.number,
        second=_second_article(sheet) if sheet.has("second article") else "",
        timeline=_timeline(sheet),
        lists=lists,
        advertisements=advertisement(1) + advertisement(2),
        elsewhere=look.elsewhere(story.number, markup),
    )
    title = f"{sheet.state.headline} | কালবেলা" if sheet.in_head("headline") else "কালবেলা"
    return look.finished(page(view, title=title, head=head(sheet), main=main))


def _breadcrumb(sheet: StoryMarkup) -> str:
    section = SECTIONS[sheet.story.section(sheet.view.now)]
    steps = [section] if section.path == section.parent else [SECTIONS.get(section.parent, section), section]
    links = [f'<li class="child"><a href="{SITE}/{step.path}">{step.name}</a></li>' for step in steps]
    home = f'<li class="dtl_child"><a href="{SITE}/"><i class="fa-solid fa-house"></i></a></li>'
    return '<li class="separator">/</li>'.join([home, *links])


def _related(sheet: StoryMarkup) -> str:
    """Related news; the thumbnails carry the same class as the story's own picture, and come before it."""
    return "\n".join(
        fragment(
            "related",
            number=entry.slot.number,
            label=escape(entry.headline),
            title=escape(entry.headline, quote=False),
            href=escape(entry.href("related")),
        )
        for entry in sheet.view.related(sheet.story, 4)
    )


def _timeline(sheet: StoryMarkup) -> str:
    return "\n".join(
        f'<li><a href="{SITE}{entry.path}">{escape(entry.headline, quote=False)}</a></li>'
        for entry in sheet.view.entries[4:9]
        if entry.story
    )


def _second_article(sheet: StoryMarkup) -> str:
    story = next((entry.story for entry in sheet.view.related(sheet.story, 1)), None)
    if story is None:
        return ""
    state, edition = story.state(sheet.view.now), field_markup.edition(story)
    date = field_markup.moment("প্রকাশ", field_markup.published(story))
    meta = {"byline": field_markup.byline(story), "published_at": date, "updated_at": "", "edition": edition}
    return fragment(
        "second_article",
        url=story.url(sheet.view.now),
        meta=field_markup.meta(meta),
        headline=escape(state.headline, quote=False),
        paragraphs="\n".join(f"<p>{escape(line, quote=False)}</p>" for line in state.blocks[0].paragraphs),
    )
