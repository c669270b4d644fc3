"""Real pages of the declared sites: links, lists and fields as a browser shows them, written down by hand."""

import gzip
import re
from datetime import UTC, datetime
from pathlib import Path
from unicodedata import normalize
from zoneinfo import ZoneInfo

import pytest

from crawler.cms.wordpress import WordPress
from crawler.entry_points import Json, JsonPath
from crawler.items import Story
from crawler.parsing.parser import PageParser, PageResponse, ParsedPage
from crawler.registry import newspapers
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl
from pipelines.steps.clean_text import clean_story
from tests.support.project import PROJECT

REAL = PROJECT.parent / "shared" / "real"
NOW = datetime(2026, 8, 24, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} is absent")


def stored(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def parse(site: str | type[NewspaperSpider], name: str, url: str, entry_point: str = "") -> ParsedPage:
    spider = newspapers()[site] if isinstance(site, str) else site
    rules = spider.make_url_rules()
    target = rules.identify(url)
    return PageParser(rules, spider.layouts, spider.lists, spider.zone).parse(
        PageResponse(
            url=url,
            body=stored(REAL / name),
            fetched_at=NOW,
            is_story=isinstance(target, SiteUrl) and target.story_id is not None,
            entry_point=next((each for each in spider.entry_points if each.name == entry_point), None),
        )
    )


def story(site: str | type[NewspaperSpider], name: str, url: str) -> Story:
    parsed = parse(site, name, url).story
    assert parsed is not None
    assert parsed.story.layout is not None, f"missing: {parsed.missing}"
    assert parsed.unreadable_dates == ()
    return clean_story(parsed.story)


def nfc(text: str) -> str:
    return normalize("NFC", text)


def links(parsed: ParsedPage) -> list[str]:
    return [(link.story_id or "").partition(":")[2] for link in parsed.links]


def paragraphs(read: Story) -> list[str]:
    return read.body.split("\n\n")


def test_kalbela_front_page_shows_both_lists() -> None:
    lists = parse("kalbela", "../facts/latest-popular-block.html", "https://www.kalbela.com/").lists
    ends = {
        "latest": ("kalbela:317255", "এসএসসিতে এবার জিপিএ-৫ পেয়েছে ১ লাখ ১৬ হাজার", "kalbela:317236"),
        "popular": ("kalbela:317044", "অবৈধ বিদ্যুৎ সংযোগ বিচ্ছিন্নে বাধা, ‘ভাইরাল মিজান’ গ্রেপ্তার", "kalbela:317028"),
    }
    for name, (first, headline, last) in ends.items():
        rows = lists[name]
        assert [row.rank for row in rows] == [*range(1, 21)]
        assert (rows[0].target.key, rows[0].headline, rows[-1].target.key) == (first, nfc(headline), last)


def test_jugantor_article_has_all_fields() -> None:
    read = story("jugantor", "jugantor-article-2026-08.html.gz", "https://www.jugantor.com/tp-firstpage/1138370")
    assert (read.story_id, read.section, read.edition) == ("jugantor:1138370", "tp-firstpage", "print")
    assert read.headline == nfc("বিশৃঙ্খল বাসে বাড়ছে যানজট")
    assert read.kicker == "রাজধানীতে অসহনীয় ভোগান্তি".replace("য়", nfc("য়"))
    assert read.subtitle == nfc(
        "সমাধান বাস রুট রেশনালাইজেশেনের কোনো বিকল্প নেই-সাইফুল আলম, মহাসচিব, বাংলাদেশ সড়ক পরিবহণ মালিক সমিতি"
    )
    assert (read.byline, read.authors) == ("মতিন আব্দুল্লাহ", ["মতিন আব্দুল্লাহ"])
    assert read.published_at == datetime(2026, 8, 9, 18, 0, tzinfo=UTC)
    assert read.updated_at == datetime(2026, 8, 9, 21, 46, 56, tzinfo=UTC)
    assert read.image_url == "https://cdn.jugantor.com/assets/news_photos/2026/08/10/1-6a78dd0a731e3.jpg"
    assert (read.image_caption or "").startswith("যত্রতত্র থামিয়ে".replace("য়", nfc("য়")))
    first, *_, last = paragraphs(read)
    assert len(paragraphs(read)) == 9  # once, though the page has a copy for phones
    assert first.startswith(nfc("রাজধানীতে গণপরিবহণের বাসগুলো সুশৃঙ্খলভাবে না চালানোয় যানজট বাড়ছে।"))
    assert last.startswith(nfc("ঢাকার দুই সিটি করপোরেশনের দায়িত্বপ্রাপ্তরা জানান"))


def test_jugantor_print_section_has_ten_links() -> None:
    name, url = "jugantor-section-firstpage-2026-08.html.gz", "https://www.jugantor.com/tp-firstpage"
    numbers = "1138370 1138369 1138368 1138367 1138366 1138365 1138364 1138363 1137889 1137888"
    parsed = parse("jugantor", name, url, "section")
    assert links(parsed) == numbers.split()
    assert parsed.lists == {}  # both tabs are empty in the HTML


def test_ittefaq_article_without_headline_element() -> None:
    read = story("ittefaq", "ittefaq-article-2026-08.html.gz", "https://www.ittefaq.com.bd/804943/ব্রাজিল")
    assert (read.story_id, read.section) == ("ittefaq:804943", None)
    assert read.headline == nfc("ব্রাজিল কিংবদন্তি রবার্তো কার্লোসের ইসলাম গ্রহণের গুঞ্জন")
    assert read.authors == ["ইত্তেফাক ডিজিটাল ডেস্ক"]
    assert read.published_at == datetime(2026, 8, 19, 3, 31, 56, tzinfo=UTC)
    assert read.updated_at == datetime(2026, 8, 19, 3, 43, 50, tzinfo=UTC)
    first, *_, last = paragraphs(read)
    assert len(paragraphs(read)) == 9  # eleven elements, of which two are embedded posts
    assert first.startswith(nfc("ব্রাজিলের কিংবদন্তি ফুটবলার রবার্তো কার্লোস"))
    assert last.endswith(nfc("নিশ্চিত খবর হিসেবে দেখার সুযোগ নেই।"))


def test_ittefaq_menu_has_no_story() -> None:
    assert links(parse("ittefaq", "ittefaq-home-2026-08.html.gz", "https://www.ittefaq.com.bd/", "latest-news")) == []


def test_prothomalo_article_has_all_fields() -> None:
    url = "https://www.prothomalo.com/bangladesh/6suuafru01"
    read = story("prothomalo", "prothomalo-article-2026-08.html.gz", url)
    assert (read.story_id, read.section, read.kicker) == ("prothomalo:6suuafru01", "bangladesh", None)
    assert read.headline == nfc("ভূমধ্যসাগরে ১০ দিন ভাসছিল নৌকাটি, মারা যান ১০ জন")
    assert read.authors == ["নিজস্ব প্রতিবেদক"]
    assert read.published_at == read.updated_at == datetime(2026, 8, 17, 6, 14, 1, tzinfo=UTC)
    assert read.tags == [nfc(tag) for tag in ("দূতাবাস", "অভিবাসন", "গ্রিস", "চিকিৎসা", "লিবিয়া", "ভূমধ্যসাগর")]
    assert (read.image_url or "").endswith(
        "/xd8rwgfn/Mediterranean-Sea.jpg?w=1200&h=675&auto=format%2Ccompress&fit=max"
    )
    first, *_, last = paragraphs(read)
    assert len(paragraphs(read)) == 6
    assert first.endswith(nfc("মিসরের কায়রোর বাংলাদেশ দূতাবাস এই তথ্য জানায়।"))
    assert last.startswith("ঘটনাটি জানার পর থেকে দূতাবাসের পক্ষ থেকে")


def test_prothomalo_section_page_links_from_its_data() -> None:
    url = "https://www.prothomalo.com/bangladesh"
    found = links(parse("prothomalo", "prothomalo-section-2026-08.html.gz", url, "section"))
    assert (len(found), found[:3], found[-2:]) == (
        30,
        ["6suuafru01", "j1tt01b5eu", "r4jwj26pej"],
        ["z54eitt301", "ze22yj97x7"],
    )


def test_prothomalo_list_prints_ranks_one_to_five() -> None:
    url = "https://www.prothomalo.com/opinion"
    parsed = parse("prothomalo", "prothomalo-opinion-2026-08-22.html.gz", url, "section")
    assert set(parsed.lists) == {"latest"}  # the tab of the most read stories is loaded by a click
    assert [(row.rank, row.target.key.partition(":")[2], row.headline) for row in parsed.lists["latest"]] == [
        (1, "yi7x2ga82q", nfc("আয় কমছে শ্রমিকের, সংসারে টানাটানি")),
        (2, "pp2avuvqne", nfc("বাংলাদেশ–ভারত সম্পর্ক কার্যকর রাখতে পারস্পরিক স্বার্থের পরীক্ষায় উত্তীর্ণ হতে হবে")),
        (3, "r7sjligfbx", nfc("বিমানবন্দরে ৩ কেজি কুশসহ ভারতের নাগরিক গ্রেপ্তার")),
        (4, "ppr1u5wtsr", nfc("ঝামেলা যখন বেস্ট ফ্রেন্ডের গার্লফ্রেন্ডকে নিয়ে")),
        (5, "gbcfyu6swt", nfc("রংপুর জিলা স্কুলের সাবেক শিক্ষক, তাঁর স্ত্রী ও দুই ছেলে–মেয়ের লাশ উদ্ধার")),
    ]
    # Three cards of the header (one is a video), five lead cards, nine featured ones, and 17 that only the data has.
    assert {"bgg31sfm3s", "pz2wz239dz", "xtadlctjhd", "1rswmz2yf2", "skdy894eip"} <= set(links(parsed))
    assert "tgvtnubx1u" not in links(parsed)
    assert len(links(parsed)) == 38


def test_kalerkantho_article_keeps_related_stories_out() -> None:
    url = "https://www.kalerkantho.com/online/national/2026/07/07/1708171"
    read = story("kalerkantho", "kalerkantho-article-2026-07.html.gz", url)
    assert (read.story_id, read.section, read.edition) == ("kalerkantho:1708171", "online/national", "online")
    assert read.headline == nfc("প্রধানমন্ত্রীর সফরের পর খুলল মালয়েশিয়ার শ্রমবাজার")
    assert (read.byline, read.published_at) == (None, None)
    assert [text[:12] for text in paragraphs(read)] == [
        nfc(text)[:12]
        for text in (
            "প্রধানমন্ত্রী তারেক রহমানের সফরের পর",
            "মঙ্গলবার দুপুরে সিলেট সার্কিট হাউসে",
            "প্রবাসীকল্যাণ মন্ত্রী বলেন",
            "তবে এবার মালয়েশিয়া নয়",
            "সিন্ডিকেট ও দুর্নীতি এড়াতে",
        )
    ]


def test_samakal_section_page_has_fifteen_links() -> None:
    parsed = parse("samakal", "samakal-opinion-2026-08-22.html.gz", "https://samakal.com/opinion", "section")
    assert (len(links(parsed)), links(parsed)[0], links(parsed)[5], links(parsed)[-1]) == (
        15,
        "368956",
        "369079",
        "368638",
    )
    assert parsed.lists == {}  # the rows of a section look like those of the page with the latest stories


def test_dhakapost_rows_are_links() -> None:
    parsed = parse("dhakapost", "dhakapost-opinion-2026-08-22.html.gz", "https://www.dhakapost.com/opinion", "section")
    assert [(row.rank, row.target.key, row.headline) for row in parsed.lists["latest"]] == [
        (1, "dhakapost:432463", "প্রথম প্রহরে চট্টগ্রামে ভাষা শহীদদের প্রতি শ্রদ্ধা"),
        (2, "dhakapost:432462", "৫২-তে ভাষা পেলেও নাগরিক অধিকার আজও অধরা : শফিকুর রহমান"),
        (3, "dhakapost:432461", "ভাষা শহীদদের প্রতি বিজিবি মহাপরিচালকের শ্রদ্ধা নিবেদন"),
        (4, "dhakapost:432460", "মৌলভীবাজারে পিকআপ-সিএনজির সংঘর্ষে নিহত ৩"),
        (5, "dhakapost:432459", nfc("শহীদ মিনারে জাতীয় পার্টিকে দেখে ‘ভুয়া ভুয়া’ স্লোগান")),
    ]
    assert links(parsed)[:3] == ["432453", "432314", "432106"]
    assert len(links(parsed)) == 16


class UkBdNews(WordPress):
    name = "ukbdnews"
    hosts = ("ukbdnews.com",)
    zone = ZoneInfo("Europe/London")
    story_path = re.compile(r"\A/\d{4}/\d\d/(?P<id>[0-9]++)")


def test_wordpress_article_has_all_fields() -> None:
    read = story(UkBdNews, "ukbdnews-23646.html.gz", "https://ukbdnews.com/2020/08/23646/")
    assert (read.story_id, read.section) == ("ukbdnews:23646", "বাংলাদেশ")
    assert read.headline == nfc("এমপির ভাইকে নিজ বাড়ির সামনেই কুপিয়ে হত্যা")
    assert read.authors is None  # the name is hidden
    assert read.published_at == read.updated_at == datetime(2020, 8, 29, 9, 46, 6, tzinfo=UTC)
    assert read.image_url == "https://ukbdnews.com/files/uploads/2020/08/11-2.jpg"
    assert [text[:9] for text in paragraphs(read)] == [nfc(text)[:9] for text in ("কুষ্টিয়া-১ (দৌলতপুর)", "আজ শনিবার")]


def test_json_of_a_page_is_a_ranked_list_too() -> None:
    """The API has the same objects as the page, so its declared path is tried on them."""
    spider = newspapers()["prothomalo"]
    source = next(each for each in spider.entry_points if isinstance(each, Json) and each.ranked)
    html = gzip.decompress((REAL / "prothomalo-section-2026-08.html.gz").read_bytes()).decode()
    document = html.partition('id="static-page"')[2].partition(">")[2].partition("</script>")[0]
    rules = spider.make_url_rules()
    response = PageResponse(
        url="https://www.prothomalo.com/api", body=document.encode(), fetched_at=NOW, entry_point=source
    )
    rows = PageParser(rules, spider.layouts, spider.lists, spider.zone).parse(response).lists["popular"]
    assert (rows[0].rank, rows[0].target.key) == (1, "prothomalo:6suuafru01")
    assert source.entries == JsonPath(items="**.story", link="url", title="headline", modified="last-published-at")
