"""Picture captions and their credits."""

from datetime import UTC, datetime
from unicodedata import normalize

import pytest
from hypothesis import strategies as st

from crawler.parsing.captions import clean_caption, credit_name, has_picture_credit, is_picture_credit, split_caption
from crawler.parsing.extractors import attribute, css, meta
from crawler.parsing.layout import Layout
from crawler.parsing.page import Page
from crawler.spiders.kalbela import Kalbela
from crawler.urls import SiteUrl
from tests.support.properties import examples, holds

WHO = "উত্তর কোরিয়ার নেতা কিম জং উন"


def nfc(text: str | None) -> str | None:
    return None if text is None else normalize("NFC", text)


@pytest.mark.parametrize(
    ("printed", "caption", "credit"),
    [
        (f"{WHO}। ছবি : সংগৃহীত", f"{WHO}।", "সংগৃহীত"),
        ("ছবি : সংগৃহীত", None, "সংগৃহীত"),
        ("ছবি : কালবেলা গ্রাফিক্স", None, "কালবেলা গ্রাফিক্স"),
        ("কালবেলা গ্রাফিক্স", None, "কালবেলা গ্রাফিক্স"),
        # Between words and credit.
        (f"{WHO}।ছবি:সংগৃহীত", f"{WHO}।", "সংগৃহীত"),
        (f"{WHO} | ছবি : এএফপি", WHO, "এএফপি"),
        (f"{WHO} (ছবি : এএফপি)", WHO, "এএফপি"),
        (f"{WHO} [ছবি: এএফপি]।", WHO, "এএফপি"),
        (f"{WHO}। ছবি ঃ এএফপি", f"{WHO}।", "এএফপি"),
        (f"{WHO}। ছবি- সংগৃহীত", f"{WHO}।", "সংগৃহীত"),
        (f"{WHO}। ছবি/কালবেলা", f"{WHO}।", "কালবেলা"),
        (f"{WHO}?  ছবি :  এএফপি ।", f"{WHO}?", "এএফপি"),
        (f"ছবি : এএফপি। {WHO}", WHO, "এএফপি"),
        (f"{WHO}। ফাইল ছবি : রয়টার্স", f"{WHO}।", "রয়টার্স"),
        (f"{WHO}। ছবি ও গ্রাফিক্স : কালবেলা", f"{WHO}।", "কালবেলা"),
        (f"{WHO}। স্ক্রিনশট : ফেসবুক", f"{WHO}।", "ফেসবুক"),
        (f"{WHO}। সৌজন্যে : দূতাবাস", f"{WHO}।", "দূতাবাস"),
        (f"{WHO}. Photo Credit : AFP", f"{WHO}.", "AFP"),
        (f"ছবির ক্যাপশন: {WHO}। ছবি : এএফপি", f"{WHO}।", "এএফপি"),
        (f"ক্যাপশন : {WHO}", WHO, None),
        ("ছবি : এক্স (টুইটার)", None, "এক্স (টুইটার)"),
        ("ছবি : মোঃ রহিম", None, "মোঃ রহিম"),
        ("ছবি : ভিডিও থেকে নেওয়া", None, "ভিডিও থেকে নেওয়া"),
        # Without a label.
        ("সংগৃহীত", None, "সংগৃহীত"),
        ("ছবি সংগৃহীত", None, "সংগৃহীত"),
        (f"{WHO}। ছবি সংগৃহীত", f"{WHO}।", "সংগৃহীত"),
        (f"{WHO} (ফাইল ছবি)", f"{WHO} (ফাইল ছবি)", None),
        (f"{WHO}। পুরোনো ছবি", f"{WHO}। পুরোনো ছবি", None),
        (f"{WHO}। ছবি : ফাইল ছবি", f"{WHO}। ফাইল ছবি", None),
        ("ফাইল ছবি", "ফাইল ছবি", None),
        ("ছবি : পুরনো ছবি", "পুরনো ছবি", None),
        (f"{WHO}। ছবি : File Photo", f"{WHO}। File Photo", None),
        ("প্রতীকী ছবি", None, "প্রতীকী ছবি"),
        (f"{WHO}। নিজস্ব চিত্র", f"{WHO}।", "নিজস্ব চিত্র"),
        (f"{WHO}। প্রতীকী চিত্র।", f"{WHO}।", "প্রতীকী চিত্র"),
        (f"{WHO}। -ছবি যুগান্তর", f"{WHO}।", "যুগান্তর"),
        (f"{WHO} - ছবি তোলার সময়", f"{WHO} - ছবি তোলার সময়", None),
        ("অর্থনীতির চিত্র: আশার খবর", "অর্থনীতির চিত্র: আশার খবর", None),
        (WHO, WHO, None),
        ("শিল্পীর আঁকা প্রতিচ্ছবি : বিদ্রোহ", "শিল্পীর আঁকা প্রতিচ্ছবি : বিদ্রোহ", None),
        ("সংগৃহীত ধান তোলা হচ্ছে গোলায়", "সংগৃহীত ধান তোলা হচ্ছে গোলায়", None),
        ("", None, None),
        (" \u200b ", None, None),
        ("ছবি :", None, None),
        ("ছবির ক্যাপশন: ", None, None),
    ],
)
def test_caption_is_split_from_credit(printed: str, caption: str | None, credit: str | None) -> None:
    assert split_caption(normalize("NFC", printed), "শিরোনাম") == (nfc(caption), nfc(credit))
    # Pages write য় in either way.
    precomposed = normalize("NFC", printed).replace("\u09af\u09bc", "\u09df")
    assert split_caption(precomposed, "শিরোনাম") == (nfc(caption), nfc(credit))


@pytest.mark.parametrize(
    ("printed", "headline", "credit"),
    [
        ("নদীতে  নতুন চর।", "নদীতে নতুন চর", None),
        ("'নদীতে' নতুন চর", "‘নদীতে’ নতুন চর", None),
        ("র\u09cd\u09afালি আজ", "র\u200d\u09cd\u09afালি আজ", None),
        ("নদীতে নতুন চর। ছবি : কালবেলা", "নদীতে নতুন চর", "কালবেলা"),
        ("নদীতে নতুন চর নদীতে নতুন চর", "নদীতে নতুন চর", None),
    ],
)
def test_caption_repeating_the_headline_is_none(printed: str, headline: str, credit: str | None) -> None:
    assert split_caption(printed, headline) == (None, credit)


def test_caption_printed_twice_is_read_once() -> None:
    assert clean_caption("মেলায় লিচু। ছবি : কালবেলা মেলায় লিচু। ছবি : কালবেলা") == nfc("মেলায় লিচু। ছবি : কালবেলা")
    assert clean_caption("মেলায় লিচুমেলায় লিচু") == nfc("মেলায় লিচু")
    assert clean_caption("দাদা") == "দাদা"


@pytest.mark.parametrize(
    ("line", "is_credit", "has_credit"),
    [
        ("ছবি : সংগৃহীত", True, True),
        ("কালবেলা গ্রাফিক্স", True, True),
        ("ফাইল ছবি", True, True),
        ("ছবি : রাজু আহমেদ", False, True),
        ("ছবি : হাওয়া", False, True),  # a film that won a prize, or a photographer
        ("মেলায় লিচু। ছবি : কালবেলা", False, True),
        ("খবর এএফপির।", False, False),
    ],
)
def test_credit_line_is_recognised(line: str, is_credit: bool, has_credit: bool) -> None:
    line = normalize("NFC", line)
    assert (is_picture_credit(line), has_picture_credit(line)) == (is_credit, has_credit)


PICTURES = Layout(
    name="pictures",
    title=("h1",),
    headline=(css("h1"),),
    image=(attribute("img.lead", "src"), meta("og:image")),
    caption=(css("figcaption"), css(".caption")),
    body=(".body",),
)
OG = '<meta property="og:image" content="https://www.kalbela.com/lead.jpg">'
LEAD, INLINE = '<figure><img class=lead src="/lead.jpg">{}</figure>', '<figure><img src="/inline.jpg">{}</figure>'


def caption_of(lead: str, body: str) -> str | None:
    url, rules = "https://www.kalbela.com/world/1", Kalbela.make_url_rules()
    html = f"<h1>শিরোনাম</h1>{lead}<div class=body><p>কথা</p>{body}<p>শেষ</p></div>"
    address = rules.identify(url)
    assert isinstance(address, SiteUrl)
    return PICTURES.parse(Page(html.encode(), url, datetime.now(UTC)), address, rules, Kalbela.zone).story.image_caption


CAPTION = "<figcaption>{}</figcaption>"
INLINE_CAPTIONS = st.sampled_from([CAPTION, "<p class=caption>{}</p>", "<div><figcaption>{}</figcaption></div>"])


def check_inline_captions(lead: str, captions: list[str]) -> None:
    inline = "".join(INLINE.format(caption.format("ভেতরের ছবি")) for caption in captions)
    assert caption_of(lead, inline) is None
    assert caption_of(LEAD.format(CAPTION.format("মূল ছবি")), inline) == "মূল ছবি"


@examples
def test_inline_caption_is_not_the_leads(examples: int) -> None:
    leads = st.sampled_from([LEAD.format(""), OG, LEAD.format("<figcaption> </figcaption>")])
    holds(check_inline_captions, leads, st.lists(INLINE_CAPTIONS, max_size=3), examples=examples)


def check_note(words: list[str], note: str, form: str) -> None:
    caption, credit = split_caption(normalize("NFC", form.format(" ".join(words), note)), "শিরোনাম")
    assert credit is None
    assert caption is not None
    assert normalize("NFC", note) in caption
    assert all(normalize("NFC", word) in caption for word in words)


@examples
def test_note_of_age_stays_in_caption(examples: int) -> None:
    words = st.lists(st.sampled_from(["রাজধানীতে", "বৃষ্টির", "দৃশ্য", "Dhaka", "২০২৬"]), min_size=1, max_size=6)
    notes = st.sampled_from(["ফাইল ছবি", "পুরোনো ছবি", "পুরনো ছবি", "ফাইল ফটো", "ফাইল চিত্র", "File photo"])
    forms = st.sampled_from(["{0}। {1}", "{0}। ছবি : {1}", "{0} | ছবি: {1}", "{0} ({1})", "{0}। ছবি/{1}", "{0} - {1}"])
    holds(check_note, words, notes, forms, examples=examples)


@pytest.mark.parametrize(
    ("printed", "credit"),
    [("ছবি: এএফপি", "এএফপি"), ("এএফপি", "এএফপি"), ("রয়টার্স ফাইল ছবি", "রয়টার্স ফাইল ছবি"), ("ছবি:", None), (" ", None)],
)
def test_separate_credit_loses_its_label(printed: str, credit: str | None) -> None:
    assert credit_name(printed) == nfc(credit)


@pytest.mark.parametrize("order", ["{lead}{other}", "{other}{lead}"])
@pytest.mark.parametrize("lead", ["মূল ছবি", None])
def test_caption_is_of_the_lead_figure(order: str, lead: str | None) -> None:
    figures = {
        "lead": LEAD.format(CAPTION.format(lead) if lead else ""),
        "other": INLINE.format(CAPTION.format("আরেক")),
    }
    assert caption_of(order.format(**figures), "") == lead


@pytest.mark.parametrize("declared", ["", OG, OG.replace(".com/lead.jpg", ".com/small/lead.jpg?width=1200")])
def test_caption_of_lead_in_body_is_found(declared: str) -> None:
    body = LEAD.format(CAPTION.format("মূল ছবি")) + INLINE.format(CAPTION.format("আরেক"))
    assert caption_of(declared, body) == "মূল ছবি"
