"""Scrambled pages: no text is left, and the page is read as before."""

import gzip
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.bengali.text import clean
from crawler.decoding.charset import decode_text
from crawler.registry import newspapers
from schedules.capturing.known_words import KnownWords
from schedules.capturing.letters import LetterScrambler
from schedules.capturing.scrambled_page import PageScrambler
from tests.newspaper.replicas import REPLICAS
from tests.support.frozen_pages import CASES, Case
from tests.support.project import PROJECT
from tests.support.scrambling import bengali_words, read, runs, shape

REAL = PROJECT.parent / "shared" / "real"
UNKNOWN = "https://www.unknown.test/a/1"
URLS = {
    "jugantor-article": "https://www.jugantor.com/tp-firstpage/1138370",
    "jugantor-section": "https://www.jugantor.com/tp-firstpage",
    "ittefaq-article": "https://www.ittefaq.com.bd/804943/ব্রাজিল-কিংবদন্তি",
    "prothomalo-article": "https://www.prothomalo.com/bangladesh/6suuafru01",
    "prothomalo-section": "https://www.prothomalo.com/bangladesh",
    "kalerkantho-article": "https://www.kalerkantho.com/online/national/2026/07/07/1708171",
    "samakal-opinion": "https://samakal.com/opinion",
    "dhakapost-opinion": "https://www.dhakapost.com/opinion",
}
# The largest page takes ten seconds.
PAGES = [path for path in sorted(REAL.glob("*.html.gz")) if not path.name.startswith("prothomalo-opinion")]


def check(name: str, url: str, html: str) -> None:
    site = newspapers().get(name)
    scrambler = PageScrambler(html, "seed", site)
    scrambled, moved = scrambler.page(), scrambler.url(url)
    assert shape(read(site, moved, scrambled)) == shape(read(site, url, html))
    known = KnownWords(site)
    left = [word for word in bengali_words(scrambled) if word not in known]
    assert not runs(left) & runs([word for word in bengali_words(html) if word not in known])


@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} is absent")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_real_page_is_read_as_before(path: Path) -> None:
    url = next((url for start, url in URLS.items() if path.name.startswith(start)), UNKNOWN)
    check(path.name.split("-")[0], url, decode_text(gzip.decompress(path.read_bytes())))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_frozen_page_is_read_as_before(case: Case) -> None:
    check("kalbela", case.told("case.json")["url"], case.html)


@pytest.mark.parametrize("site", sorted(REPLICAS))
def test_replica_page_is_read_as_before(site: str) -> None:
    replica = REPLICAS[site]
    url, piece = replica.rows[3]
    check(site, url, replica.page(piece).decode())


TEXT = "চৌকি ঢাকায় ক্ষ র‍্যাব উদ্‌যাপন সত্যি আসাম ৎ গাড়ি গাঢ় পয়সা"


@pytest.mark.parametrize(
    "html",
    [
        f'<h1>{TEXT}</h1><meta property="og:title" content="{TEXT}">',
        f'<p title="{TEXT}">&#2453;&#2494;&#x995;&zwj; {TEXT}</p><!-- {TEXT} -->',
        f'<script type="application/ld+json">{{"headline": "{TEXT}", "@type": "NewsArticle"}}</script>',
        '<script>var a = "\\u0995\\u09be\\u0995\\u09c7 \\n more words";</script>',
        f'<a href="/a/{TEXT.split()[0]}-12">x</a><a href="?text=%E0%A6%9A%E0%A7%8C%E0%A6%95%E0%A6%BF">y</a>',
        f"<p>{TEXT}<script>unclosed {TEXT}",
        f'<p a="{TEXT}>{TEXT}</p>',
    ],
)
def test_text_is_replaced_wherever_it_stands(html: str) -> None:
    scrambled = PageScrambler(html).page()
    known = KnownWords()
    before = runs([word for word in bengali_words(html) if word not in known], 3)
    assert not before & runs(bengali_words(scrambled), 3)
    assert "more words" not in scrambled


def test_same_word_becomes_same_word() -> None:
    html = f'<h1>{TEXT}</h1><p title="{TEXT}">{unicodedata.normalize("NFC", TEXT)}</p>'
    scrambled = PageScrambler(html).page()
    shown, title, plain = scrambled.split("<h1>")[1].split("</h1>")[0], scrambled.split('"')[1], scrambled.split(">")[3]
    assert shown == title
    assert clean(shown) == clean(plain.removesuffix("</p"))
    assert PageScrambler(html).page() == scrambled != PageScrambler(html, "other").page()


@pytest.mark.parametrize(
    "text", ["২৯ আগস্ট ২০২৬, ১০:৪৫", "2026-08-29T10:45:00+06:00", "প্রকাশ: ০৭ জুলাই ২০২৬ | ০৫:৪৫", "৩", "২ ঘণ্টা আগে"]
)
def test_dates_and_ranks_stay(text: str) -> None:
    assert PageScrambler(f"<time>{text}</time>").page() == f"<time>{text}</time>"


@given(st.text(st.one_of(st.characters(min_codepoint=0x980, max_codepoint=0x9FF), st.sampled_from("ab \u200d\u200cé"))))
@example("aঅা")
@example("অি")
def test_length_of_clean_text_stays(text: str) -> None:
    scrambled = LetterScrambler("seed", KnownWords(), text).text(text)
    assert len(clean(scrambled) or "") == len(clean(text) or "")
