"""The inside of a story's text as HTML: its own blocks, and between them all that is not the story's."""

from html import escape
from random import Random

from .page_frame import LAZY, advertisement
from .picture import image_path
from .site_state import Entry, SiteState
from .stories import State, Story
from .story_bodies import CELL, Block
from .templates import fragment
from .text_noise import TextNoise
from .vocabulary import WORDS


def body(view: SiteState, story: Story, state: State, dirt: TextNoise) -> str:
    rng = story.rng("layout")
    pieces = [_block(block, dirt, rng) for block in state.blocks]
    if "inline link" in story.traits:
        pieces[0] = _with_link(pieces[0], view, story)
    for html in _furniture(view, story, dirt, rng):
        pieces.insert(rng.randint(1, len(pieces)), html)
    return "".join(pieces)


def _block(block: Block, dirt: TextNoise, rng: Random) -> str:
    lines = [dirt.text(line) for line in block.lines if CELL not in line]
    match block.kind:
        case "bold":
            tag = rng.choice(("strong", "b"))
            return f"<p><{tag}>{lines[0]}</{tag}></p>\n"
        case "h3":
            return f"<h3>{lines[0]}</h3>\n"
        case "ul" | "ol":
            return f"<{block.kind}>\n{''.join(f'<li>{line}</li>' for line in lines)}\n</{block.kind}>\n"
        case "quote":
            return f"<blockquote>{rng.choice(('<p>{}</p>', '{}')).format(lines[0])}</blockquote>\n"
        case "lines":
            return f"<p>{rng.choice(('<br>', '<br />', '<br><br>')).join(lines)}</p>\n"
        case "table":
            rows = "".join(f"<tr>{_cells(row, dirt)}</tr>\n" for row in block.lines)
            return f'<table class="table table-bordered"><tbody>\n{rows}</tbody></table>\n'
    style = rng.choice(("", "", ' style="text-align:justify"'))
    return f"<p{style}>{lines[0]}</p>\n"


def _cells(row: str, dirt: TextNoise) -> str:
    return "".join(f"<td>{dirt.text(cell)}</td>" for cell in row.split(CELL))


def _furniture(view: SiteState, story: Story, dirt: TextNoise, rng: Random) -> list[str]:
    """Everything in the body that is not the story's own, in no particular order."""
    has = story.traits.__contains__
    links = list(view.related(story, 6))
    found = [f"{fragment(name)}\n" for name in ("video", "tweet", "script") if has(name)]
    if has("empty paragraphs"):
        found += ["<p>&nbsp;</p>\n", "<p></p>\n", "<p><br></p>\n"]
    if has("ads"):
        found += [advertisement(rng.randint(10, 99)) for _ in range(2)]
    if has("photos"):
        found += [_photo(story, rng, dirt) for _ in range(2)]
    if links:
        found += [f"<p>{_link(links[0])}</p>\n", f"<p><strong>{_link(links[-1])}</strong></p>\n"] * has("related line")
        found += [f"<p><strong>আরও পড়ুন : {_link(links[1 % len(links)])}</strong></p>\n"] * has("more line")
        found += [_box(links[2:4] or links[:1], rng)] * has("more box")
    return found


def _link(entry: Entry) -> str:
    return f'<a href="{escape(entry.href("related"))}" target="_blank">{escape(entry.headline, quote=False)}</a>'


def _box(entries: list[Entry], rng: Random) -> str:
    items = "".join(f"<li>{_link(entry)}</li>" for entry in entries)
    name = rng.choice(("inner_related_news", "in_story_box"))
    return f'<div class="{name}"><h5 class="title">আরও পড়ুন</h5><ul>{items}</ul></div>\n'


def _photo(story: Story, rng: Random, dirt: TextNoise) -> str:
    """A further picture among the paragraphs, with a caption that is no part of the text."""
    path = image_path(story.slot, rng)
    caption = f"{rng.choice(WORDS['topics other'])} প্রসঙ্গে {rng.choice(WORDS['adjectives'])} মুহূর্ত। ছবি : সংগৃহীত"
    label = dirt.attribute(caption)
    image = f'<img class="lazy img-fluid detailImg" src="{LAZY}" data-original="{path}" alt="{label}">'
    form = rng.randrange(3)
    if form == 0:
        return f"<figure>{image}<figcaption>{dirt.text(caption)}</figcaption></figure>\n"
    if form == 1:
        return f'<div class="dtl_inner_img">{image}<div class="dtl_img_caption">{dirt.text(caption)}</div></div>\n'
    return f'<div class="inner_img detailImg" data-src="{path}" data-sub-html="ছবির ক্যাপশন: {label}">{image}</div>\n'


def _with_link(html: str, view: SiteState, story: Story) -> str:
    """The first words of the paragraph as a link to another story: they stay the story's own text."""
    entry = next(iter(view.related(story, 1)), None)
    start, _, rest = html.partition(">")
    words = rest.split(" ", 2)
    if entry is None or len(words) < 3 or "<" in words[0] + words[1] or "&" in words[0] + words[1]:
        return html
    return f'{start}><a href="{entry.href("home")}">{words[0]} {words[1]}</a> {words[2]}'
