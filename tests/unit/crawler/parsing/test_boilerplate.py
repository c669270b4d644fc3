"""Boilerplate among a story's paragraphs, and paragraphs that only look like it."""

import re
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from crawler.parsing.boilerplate import BoilerplateFilter
from crawler.parsing.text_blocks import text_blocks
from crawler.spiders.kalbela import Kalbela

WWW = "https://www.kalbela.com"
OWN = "নদীতে নতুন চর জেগেছে।"


def own(markup: str) -> list[str]:
    """Return the story's own paragraphs between two certain ones."""
    promo = (re.compile("সর্বশেষ খবর পেতে"),)
    body = LexborHTMLParser(f"<p>{OWN}</p>{markup}<p>{OWN}</p>").body
    assert body is not None
    own_text = BoilerplateFilter(Kalbela.make_url_rules(), f"{WWW}/world/1", promo)
    paragraphs = list(own_text.story_paragraphs(text_blocks(body)))
    assert paragraphs[0] == paragraphs[-1] == normalize("NFC", OWN)
    return paragraphs[1:-1]


def to(path: str, text: str = "অন্য এক খবর") -> str:
    return f'<a href="{path}">{text}</a>'


@pytest.mark.parametrize(
    "markup",
    [
        f"<p>{to('/world/2')}</p>",
        f"<p>{to('https://kalbela.com/world/middle-east/2/')}</p>",
        f"<p>{to('/video-gallery/news/5681')}</p>",
        f"<p>{to('https://archive.kalbela.com/world/2')}</p>",
        f"<p>• {to('/world/2')} | {to('/world/3')}</p>",
        f"<p>আরও পড়ুন : {to('https://www.example.com/x')}</p>",
        f"<p>আরো পড়ুনঃ {to('/world/2')}</p>",
        f"<p>[আরও পড়ুন] {to('/world/2')}</p>",
        "<p>আরও পড়ুন: অন্য এক খবর</p>",
        "<p>আরও পড়ুন</p>",
        "<p>আরও পড়ুন...</p>",
        "<p>আরও প\u09dcুন</p>",
        "<p>এ বিষয়ে আরও পড়ুন</p>",
        f"<p>READ ALSO: {to('/world/2')}</p>",
        "<p>কালবেলা অনলাইন এর সর্বশেষ খবর পেতে ফিডটি অনুসরণ করুন</p>",
        "<p>ছবি : সংগৃহীত</p>",
        "<p><img alt=x><br>মেলায় লিচু। ছবি : রাজু</p>",
        "<img alt='মেলায় লিচু'><p>মেলায় লিচু</p>",
        "<img alt=x><p>ছবি : রাজু আহমেদ</p>",
        "<p> &nbsp; </p>",
    ],
)
def test_boilerplate_is_removed(markup: str) -> None:
    assert own(markup) == []


LABELS = [
    "বিজ্ঞাপন",
    "বিজ্ঞাপণ",
    "Advertisement",
    "ADVERTISEMENTS",
    "Ad",
    "Sponsored",
    "sponsored content",
    "Promoted",
    "স্পনসরড",
]
LABELS += ["Story continues below advertisement", "Advertisement - scroll to continue", "বিজ্ঞাপন বিজ্ঞাপন"]
PROMPTS = ["আরও পড়ুন", "আরো পড়ুন:", "এছাড়াও পড়ুন", "পড়ুন আরও", "সম্পর্কিত খবর", "Read also", "ALSO READ:", "See also"]
PROMPTS += ["Related articles", "You may also like", "আরও খবর", "Read more »", "Also read: another story of the day"]
FRAMES = ["{}", "<p>{}</p>", "<div class=x1>{}</div>", "<h4><b>{}</b></h4>", "<ul><li>{}</li></ul>", "<span>{}</span>"]
FRAMES += [
    "<table><tr><td>{}</td></tr></table>",
    "<section><div><em>{}</em></div></section>",
    "<blockquote>{}</blockquote>",
]
LINES = st.tuples(
    st.sampled_from(FRAMES),
    st.sampled_from(["{}", "— {} —", "[{}]", "{}:", "• {}", " {} &nbsp;"]),
    st.sampled_from(LABELS + PROMPTS),
).map(lambda line: line[0].format(line[1].format(line[2])))


@settings(deadline=None, max_examples=50)
@given(st.lists(LINES, max_size=4))
def test_label_is_removed_in_any_element(lines: list[str]) -> None:
    assert own(f"<hr>{'<hr>'.join(lines)}<hr>") == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(deadline=None, max_examples=10_000)
@given(st.lists(LINES, max_size=4))
def test_label_is_removed_in_any_element_soak(lines: list[str]) -> None:
    assert own(f"<hr>{'<hr>'.join(lines)}<hr>") == []


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        *((f"<p>{text}</p>", text) for text in ("বিজ্ঞাপনে দর বেড়েছে।", "Ad hoc committee", "বিজ্ঞাপনদাতা", "অ্যাডহক কমিটি")),
        *(
            (f"<p>{text}</p>", text)
            for text in ("Recommended dose: two", "See more of the river", "Sponsored by the mill")
        ),
        (f"<p>গত বছর {to('/world/2', 'একই জায়গায়')} চর জেগেছিল।</p>", "গত বছর একই জায়গায় চর জেগেছিল।"),
        (f"<p>{to('https://www.mof.gov.bd/', 'পুরো বক্তৃতা')}</p>", "পুরো বক্তৃতা"),
        (f"<p>{to('/national', 'জাতীয়')}</p>", "জাতীয়"),
        (f"<p>{to('https://notkalbela.com/world/2', 'অন্য কাগজ')}</p>", "অন্য কাগজ"),
        (f"<p>{to('/world/2')} {to('https://example.com', 'সূত্র')}</p>", "অন্য এক খবর সূত্র"),
        ("<p><a>অন্য এক খবর</a></p>", "অন্য এক খবর"),
        ("<p>আরও খবর পাওয়া গেছে যে চর বাড়ছে।</p>", "আরও খবর পাওয়া গেছে যে চর বাড়ছে।"),
        (f"<p>আরও পড়ুন বলে {to('/world/2', 'তিনি')} থামলেন।</p>", "আরও পড়ুন বলে তিনি থামলেন।"),
        ("<p>আরও জানুন: www.river.gov.bd</p>", "আরও জানুন: www.river.gov.bd"),
        ("<p>ছবি : হাওয়া</p>", "ছবি : হাওয়া"),
        ("<p>সেরা ছবি : পথের পাঁচালী</p>", "সেরা ছবি : পথের পাঁচালী"),
        ("<img alt=x><p>চর দেখতে মানুষের ভিড়।</p>", "চর দেখতে মানুষের ভিড়।"),
        ("<p>* * *</p>", "* * *"),
    ],
)
def test_own_paragraph_is_kept(markup: str, text: str) -> None:
    assert own(markup) == [normalize("NFC", text)]


def test_unclosed_link_removes_no_text() -> None:
    markup = "<div><p><a href='/world/2'>এক<p>দুই<p>তিন<p>চার</div></a>"
    assert own(markup) == ["এক", "দুই", "তিন", "চার"]


@pytest.mark.parametrize("first", ["নদীতে ‘চর’", "নদীতে 'চর'", "চরে মানুষ। ছবি : কালবেলা"])
def test_repeated_headline_is_removed_at_start_only(first: str) -> None:
    again = first.partition(" ছবি")[0]
    body = LexborHTMLParser(f"<p>{first}</p><p>{OWN}</p><p>{again}</p>").body
    assert body is not None
    own_text = BoilerplateFilter(Kalbela.make_url_rules(), WWW, (), "নদীতে ‘চর’", "চরে মানুষ। ছবি : কালবেলা")
    assert list(own_text.story_paragraphs(text_blocks(body))) == [normalize("NFC", line) for line in (OWN, again)]
