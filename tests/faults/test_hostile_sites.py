"""The `crawl` command against misbehaving servers: tables, exit code, time and memory."""

import os
import time
import unicodedata
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.fault_server import (
    BEHAVIOURS,
    EVERY_BEHAVIOUR,
    HEADLINE,
    FaultServer,
    Visit,
    certified,
    evil_links,
    fixed,
)
from tests.support.fault_site import MAPS, SEED, SITE, XML, CommandResult, FaultSite, body_of, crawl, sitemap

FAST = {"DOWNLOAD_TIMEOUT": "1.5"}
MAX_MEGABYTES = 600

STATUSES = {"blocked": (401, 403, 429), "gone": (404, 410), "http_error": (451, 500, 502, 503)}


def cases(outcome: str, **names: str) -> list[tuple[str, str, str]]:
    """Return (behaviour, outcome, words of the reason) for behaviours by reason; `_` stands for a space."""
    return [(name, outcome, reason.replace("_", " ")) for reason, some in names.items() for name in some.split()]


# Behaviours of the URL of a story, their outcome, and words of the reason.
FAILING = [
    *((f"s{code}", outcome, f"status {code}") for outcome, codes in STATUSES.items() for code in codes),
    *cases("blocked", status_429="s429_ra_negative s429_ra_garbage", challenge="challenge_200 challenge_403"),
    *cases("corrupt", empty="s204 s200_empty gzip_empty", only_a_part="paper_s206", corrupt="gzip_badcrc"),
    *cases("http_error", status_304="paper_s304", status_999="status_999"),
    *cases("corrupt", not_HTTP="status_txt status_huge http09 garbage cl_conflict cl_negative"),
    *cases("soft_error", Too_many_connections="too_many_connections"),
    ("soft404", "soft_error", "404"),
    *cases("unreachable", timeout="slow_headers slow_body hang", broke_off="reset_now close_now"),
    *cases("corrupt", cut_short="cl_longer cl_shorter chunk_cut chunk_noend close_no_len_half rst_no_len"),
    *cases("corrupt", cut_short="gzip_half br_half deflate_half zstd_half"),
    *cases("corrupt", lzma="enc_unknown", content_encodings="stacked_9"),
    *cases("rejected", TooLong="title_1mb", UnknownLayout="paper_front", DamagedText="bad_utf8 surrogate_bytes"),
    *cases("wrong_type", image="type_png_as_html", json="json_as_html"),
    ("redir_ok", "redirected", "after-a-redirect"),
    ("paper_sent_home", "redirected", f"{SITE}/"),
    *cases("redirect_loop", circle="redir_self redir_empty"),
    ("redir_chain_30/7", "redirected", "/redir_chain_30/8"),
    ("paper_endless/9000", "redirected", "/paper_endless/9001"),
    ("redir_hops/803", "redirected", "/redir_hops/802"),
    ("paper_circle/2000", "redirected", "/paper_circle/2001"),
    *cases("invalid_url", malformed="redir_badloc", not_http="redir_file redir_data"),
    *cases("offsite", port_8081="redir_port"),
    ("redir_offsite", "offsite", "offsite.test"),
    ("redir_internal", "offsite", "127.0.0.1"),
]
# Bodies beyond a limit, crawled apart: on a busy machine they need more time than `FAST` allows.
LARGE = [
    *cases("too_large", larger="cl_huge big_300mb endless_chunks nodes_3m", header="header_200k", elements="deep_100k"),
    *cases("too_large", headers="headers_20000 headers_endless informational_endless"),
    *cases("too_large", decompressed="bomb_gzip bomb_gzip2 bomb_br bomb_deflate bomb_zstd"),
]
# Behaviours that must not prevent a good story from being read.
READ = [
    *("cl_no_end_tags", "chunk_no_end_tags"),
    *("ok", "gzip", "br", "deflate", "zstd", "deflate_raw", "stacked", "gzip_notgzip", "close_no_len", "late"),
    *("reset_once", "s503_then_ok", "s429_ra_seconds/2", "s429_ra_date/3", "s429_far_year", "paper_429_skewed"),
    *("nul", "ansi_title", "xss_title", "csv_title"),
    *("charset_lie_header", "charset_lie_meta", "charset_bogus", "html_as_pdf"),
    *("links_evil", "refresh_internal", "paper_moved"),
    *("paper_date_future", "paper_date_1970", "paper_date_invalid", "paper_date_no_year", "paper_date_none"),
]
HEADLINES = {
    "nul": "ঢাকায় বৃষ্টি",
    "ansi_title": "ঢাকায় [2J]0;x 2026-01-01 [root] CRITICAL: forged",
    "xss_title": "ঢাকায় <img src=x onerror=alert(1)>",
    "csv_title": '=HYPERLINK("http://evil.test")',
}
# Pages that try to block the parser or the steps after it, with the permitted outcomes.
HOLDING = {
    "attributes": ("story", "too_large"),
    **dict.fromkeys(("marks", "digits", "fonts"), ("story",)),
    **dict.fromkeys(("names", "marks_in_text", "nesting"), ("story", "too_large", "rejected")),
}
# Behaviours of robots.txt (more in test_robots); False: nothing else may be requested.
ROBOTS = {"robots_8mb": True, **dict.fromkeys(("robots_500", "robots_away", "garbage", "bomb_gzip"), False)}
# The only behaviour of a site, the reason for which the run ends, and the maximum of requested URLs.
WHOLE_SITES = {
    "s403": ("blocked", 5),
    "challenge_200": ("blocked", 5),
    "s429_ra_insane": ("deferred", 1),
    "s500": ("unreachable", 5),
    "hang": ("unreachable", 5),
    "close_now": ("unreachable", 5),
    "redir_self": ("finished", 80),
}


def name_of(behaviour: str) -> str:
    return behaviour.partition("/")[0]


def meant_body(path: str) -> str:
    return unicodedata.normalize("NFC", "\n\n".join(body_of(path)))


class Night:
    """Crawls of many papers at the same time; an item access waits for the crawl of that name."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.pool = folder, ThreadPoolExecutor(4)
        self.papers: dict[str, FaultSite] = {}
        self.ends: dict[str, Future[CommandResult]] = {}

    def crawl(self, name: str, paper: FaultSite, *arguments: str, **settings: Any) -> None:
        self.papers[name] = paper

        def run() -> CommandResult:
            with paper:
                return paper.crawl(self.folder / name, *arguments, **(FAST | settings))

        self.ends[name] = self.pool.submit(run)

    def __getitem__(self, name: str) -> CommandResult:
        return self.ends[name].result()


def popular(server: FaultServer) -> list[str]:
    """Return a list with invalid URLs and repeated stories."""
    return [*evil_links(server), "/ok/5001", "/ok/5001?utm_source=list", "/ok/5001/", "/ok/5002", "/national/5001"]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    night = Night(tmp_path_factory.mktemp("night"))
    night.crawl("failing", FaultSite([name for name, *_ in FAILING], popular=popular, robots="robots_maps"))
    night.crawl("large", FaultSite([name for name, *_ in LARGE]), DOWNLOAD_TIMEOUT="90")
    night.crawl("read", FaultSite(READ))
    night.crawl("holding", FaultSite([f"paper_hold_{name}" for name in HOLDING]), DOWNLOAD_TIMEOUT="10")
    night.crawl("maze", FaultSite(["paper_maze/300"]), CLOSESPIDER_TIMEOUT="4")
    for name, allowed in ROBOTS.items():
        night.crawl(f"robots {name}", FaultSite(["ok"], robots=name), *(["--max-pages", "3"] if allowed else []))
    for name in WHOLE_SITES:
        night.crawl(f"site {name}", FaultSite(places={"/": name, SEED: name}, otherwise=name))
    yield night
    night.pool.shutdown(cancel_futures=True)


def test_command_meets_every_behaviour() -> None:
    tried = {name_of(name) for name, *_ in FAILING + LARGE} | {name_of(name) for name in READ} | WHOLE_SITES.keys()
    assert tried >= EVERY_BEHAVIOUR


@pytest.mark.parametrize(
    ("crawl", "behaviour", "outcome", "reason"),
    [*(("failing", *case) for case in FAILING), *(("large", *case) for case in LARGE)],
    ids=[name_of(name) for name, *_ in FAILING + LARGE],
)
def test_bad_page_ends_in_named_outcome(night: Night, crawl: str, behaviour: str, outcome: str, reason: str) -> None:
    row = night[crawl].fetches().loc[night.papers[crawl].paths[name_of(behaviour)]]
    assert row["outcome"] == outcome
    assert reason in row["reason"]


@pytest.mark.parametrize("behaviour", [name_of(name) for name in READ])
def test_readable_page_is_read_correctly(night: Night, behaviour: str) -> None:
    ended, path = night["read"], night.papers["read"].paths[behaviour]
    assert ended.fetches().loc[path, "outcome"] == "story"
    story = ended.table("stories").set_index("story_id").loc[f"kalbela:{path.rpartition('/')[2]}"]
    assert story["headline"] == unicodedata.normalize("NFC", HEADLINES.get(behaviour, HEADLINE))
    assert story["body"] == meant_body(path)


@pytest.mark.parametrize("behaviour", [name for name in READ if name.startswith("paper_date")])
def test_invalid_date_is_null_not_now(night: Night, behaviour: str) -> None:
    ended = night["read"]
    story = ended.table("stories").set_index("url").loc[SITE + night.papers["read"].paths[behaviour]]
    assert story.isna()["published_at"]
    assert story["month"] == f"{story['first_seen_at'].tz_convert('Asia/Dhaka'):%Y-%m}"
    assert ended.report["unreadable"]["dates"] >= 3


@pytest.mark.parametrize("crawl", ["failing", "read"])
def test_stories_are_exactly_the_good_pages(night: Night, crawl: str) -> None:
    paper, stories = night.papers[crawl], night[crawl].table("stories")
    expected = {path.rpartition("/")[2] for path in (*paper.good, SEED)}
    if crawl == "read":
        expected |= {path.rpartition("/")[2] for path in paper.paths.values()}
    else:  # the good stories of the sitemaps
        expected |= {"7001", "7002", "7004"}
    assert sorted(stories["story_id"]) == sorted(f"kalbela:{number}" for number in expected)
    for story_id, body in zip(stories["story_id"], stories["body"], strict=True):
        assert body == meant_body(story_id.removeprefix("kalbela:"))


@pytest.mark.parametrize(
    "crawl", ["failing", "large", "read", "holding", "maze", *(f"site {name}" for name in WHOLE_SITES)]
)
def test_counts_are_exact_and_crawl_stays_onsite(night: Night, crawl: str) -> None:
    ended, paper = night[crawl], night.papers[crawl]
    fetches = ended.fetches()
    assert ended.report["urls"]["complete"]
    assert fetches["url"].is_unique
    assert len(fetches) == ended.report["urls"]["discovered"]
    assert not paper.elsewhere.hits
    assert set(paper.server.hosts) == {"www.kalbela.com"}
    assert ended.megabytes < MAX_MEGABYTES


@pytest.mark.parametrize("name", HOLDING)
def test_blocking_page_ends_within_seconds(night: Night, name: str) -> None:
    ended, path = night["holding"], night.papers["holding"].paths[f"paper_hold_{name}"]
    fetches = ended.fetches()
    assert fetches.loc[path, "outcome"] in HOLDING[name]
    assert set(fetches.loc[night.papers["holding"].good, "outcome"]) == {"story"}
    asked = [times[0] for name, times in night.papers["holding"].server.times.items() if name.startswith("paper_hold")]
    assert all(later - earlier < 20 for earlier, later in pairwise(sorted(asked)))
    assert ended.exit_code in (0, 3)


def test_only_failed_pages_lower_verdict(night: Night) -> None:
    assert night["failing"].exit_code == 3
    assert any("failed" in problem for problem in night["failing"].report["verdict"]["problems"])
    assert (night["read"].exit_code, night["read"].report["verdict"]["problems"]) == (0, [])


def test_rejects_have_reason_and_page(night: Night) -> None:
    rejects = night["failing"].table("rejects").set_index("reason")
    assert sorted(rejects.index) == ["DamagedText", "DamagedText", "TooLong", "UnknownLayout"]
    for page in rejects["page"]:  # archived, as the name of a file and a place in it
        name, _, offset = page.rpartition(":")
        assert (night["failing"].data / name).stat().st_size > int(offset)


def test_too_large_responses_are_cut_early(night: Night) -> None:
    night["large"].fetches()
    sent = night.papers["large"].server.sent
    assert sent["endless_chunks"] < 16 * 2**20  # half of it in socket buffers
    assert all(sent[name] < 8 * 2**20 for name in ("big_300mb", "headers_endless", "informational_endless", "cl_huge"))


@pytest.mark.parametrize(("behaviour", "least"), [("s429_ra_seconds", 2), ("s429_ra_date", 2), ("paper_429_skewed", 1)])
def test_retry_after_pauses_whole_host(night: Night, behaviour: str, least: float) -> None:
    night["read"].fetches()
    server = night.papers["read"].server
    asked, *again = server.times[behaviour]
    assert again
    assert all(least - 0.05 <= gap < least + 30 for gap in server.gaps(behaviour))
    others = [times for name, times in server.times.items() if name != behaviour]
    assert not [at for times in others for at in times if asked < at < again[0]]


def test_redirects_end_after_five_hops(night: Night) -> None:
    fetches = night["failing"].fetches()
    for name, first in (("redir_chain_30", 7), ("paper_endless", 9000)):
        chain = fetches[fetches.index.str.startswith(f"/{name}/")].sort_values("fetched_at")
        assert list(chain.index) == [f"/{name}/{first + hop}" for hop in range(6)]
        assert list(chain["outcome"]) == [*["redirected"] * 5, "redirect_loop"]
    assert fetches.loc["/paper_circle/2001", "outcome"] == "redirect_loop"


def test_moved_story_has_alias(night: Night) -> None:
    path = night.papers["read"].paths["paper_moved"]
    number = path.rpartition("/")[2]
    stories, aliases = (night["read"].table(name).set_index("story_id") for name in ("stories", "aliases"))
    assert stories.loc[f"kalbela:{number}", "url"] == f"{SITE}/ok/{number}"
    assert aliases.loc[f"kalbela:{number}", "url"] == SITE + path


def test_messy_list_costs_no_story(night: Night) -> None:
    ended, paper = night["failing"], night.papers["failing"]
    rows = ended.table("rankings")
    mess = rows[(rows["list"] == "popular") & (rows["page_url"] == f"{SITE}/")].sort_values("rank")
    assert list(mess["story_id"].dropna()) == [f"kalbela:{number}" for number in (5001, 5001, 5001, 5002, 5001)]
    assert len(mess) == len([href for href in popular(paper.server) if href])
    assert mess["url"].str.isascii().all()
    assert paper.server.seen["www.kalbela.com", "/ok/5001"] == 1
    outcomes = ended.fetches()["outcome"]
    assert (outcomes["/ok/good-1"], outcomes["/ok/good-2"]) == ("list", "list")
    foreign = outcomes[outcomes.index.str.contains("evil.test|secret|127.0.0.1|localhost")]
    assert set(foreign) <= {"offsite", "invalid_url"}


def test_relative_links_do_not_lead_deeper(night: Night) -> None:
    fetches = night["failing"].fetches()
    deeper = fetches[fetches.index.str.contains("/ok/good-2")]
    assert set(deeper["outcome"]) <= {"list", "not_a_story"}
    assert (deeper["attempts"] > 0).sum() <= 3


@pytest.mark.parametrize("name", MAPS)
def test_hostile_sitemap_is_bounded(night: Night, name: str) -> None:
    fetches = night["failing"].fetches()
    expected = {"paper_packed": "too_large", "paper_half_packed": "corrupt", "paper_not_a_map": "empty"}.get(
        name, "list"
    )
    assert fetches.loc[f"/{name}/{MAPS[name]}", "outcome"] == expected
    if name == "paper_nested":
        assert list(fetches.loc[[f"/{name}/2.xml", f"/{name}/3.xml"], "outcome"]) == ["list", "too_deep"]
    assert "root:" not in fetches["url"].str.cat()


def test_endless_stories_end_with_time_limit(night: Night) -> None:
    ended = night["maze"]
    assert ended.report["reason"] == "closespider_timeout"
    assert ended.report["stories"]["new"] > 20
    assert ended.report["urls"]["outcomes"]["pending"] > 20
    assert ended.seconds < 90


def test_pages_cannot_forge_log_or_terminal(night: Night) -> None:
    for ended in (night["read"], night["failing"]):
        for text in (ended.log(), ended.told):
            assert "\x1b" not in text
            assert not [line for line in text.splitlines() if line.startswith("2026-01-01 [root]")]


@pytest.mark.parametrize(("robots", "allowed"), ROBOTS.items(), ids=ROBOTS)
def test_unreadable_robots_txt_forbids_everything(night: Night, robots: str, allowed: bool) -> None:
    ended, paper = night[f"robots {robots}"], night.papers[f"robots {robots}"]
    pages = {target for _, target in paper.server.seen} - {"/robots.txt", "/robots_all/robots.txt"}
    outcomes = ended.report["urls"]["outcomes"]
    assert ended.report["urls"]["complete"]
    assert not paper.elsewhere.hits
    assert ended.megabytes < MAX_MEGABYTES
    assert ended.seconds < 90
    assert ended.exit_code == (0 if allowed else 4)
    if allowed:
        assert SEED in pages
        assert outcomes["story"] >= 1
    else:
        assert not pages
        assert outcomes == {"robots": outcomes["robots"]}
        assert ended.table("stories").empty


@pytest.mark.parametrize("site", WHOLE_SITES)
def test_failing_site_is_left_alone_soon(night: Night, site: str) -> None:
    reason, most = WHOLE_SITES[site]
    ended, paper = night[f"site {site}"], night.papers[f"site {site}"]
    asked = {target for _, target in paper.server.seen} - {"/robots.txt"}
    assert ended.exit_code == 4
    assert ended.report["reason"] == reason
    assert len(asked) <= most
    assert ended.table("stories").empty
    assert ended.seconds < 90


@pytest.mark.parametrize(
    ("host", "days", "trusted", "reason"),
    [
        ("localhost", 1, True, ""),
        ("localhost", -1, True, "not valid"),
        ("localhost", 1, False, "not valid"),
        ("127.0.0.1", 1, True, "not the host's"),
    ],
    ids=["valid", "expired", "unknown", "other host"],
)
def test_invalid_certificate_is_not_accepted(tmp_path: Path, host: str, days: int, trusted: bool, reason: str) -> None:
    file = tmp_path / "localhost.pem"
    with FaultSite(["ok"], tls=certified(file, timedelta(days=days))) as paper:
        mirror = paper.server.base.replace("http://127.0.0.1", f"https://{host}")
        environment = {"SSL_CERT_FILE": str(file)} if trusted else {}
        few = [] if reason else ["--max-pages", "3"]
        ended = crawl(mirror, tmp_path / "data", *few, environment=environment, **FAST)
    if not reason:
        assert ended.exit_code == 0
        return
    assert (ended.exit_code, list(paper.server.hits)) == (4, [])
    assert ended.fetches()["reason"].str.contains("certificate").all()
    assert ended.fetches()["reason"].str.contains(reason).all()


# Behaviours that take seconds each, or that pause the whole host.
SLOW = {"slow_headers", "slow_body", "hang", "late", "nodes_3m", "reset_once", "s503_then_ok"}
SLOW |= {"s429_ra_seconds", "s429_ra_date", "paper_429_skewed"}
OUTCOMES = {name_of(name): outcome for name, outcome, _ in FAILING + LARGE} | {name_of(name): "story" for name in READ}
# A crawl of thousands of pages lists each URL itself.
LEADING_ON = {name for name, outcome in OUTCOMES.items() if outcome == "redirected"} | {"paper_moved", "paper_front"}
SOUP = "<script> <!-- --> <![CDATA[ ]]> </div> <div> <p <table><tr> &#0; &#xD800; &nbsp & < > <plaintext>"


def spoilt(rng: Random, body: bytes) -> bytes:
    """Change, remove, repeat or insert bytes of a page at random."""
    for _ in range(rng.randint(1, 12)):
        start = rng.randrange(len(body) or 1)
        end = start + rng.choice((1, 3, 20, 2000))
        piece = rng.choice((rng.randbytes(end - start), b"", body[start:end] * 3, rng.choice(SOUP.split()).encode()))
        body = body[:start] + piece + body[end if rng.random() < 0.6 else start :]
    return body


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_thousands_of_hostile_pages_are_counted(tmp_path: Path) -> None:
    seed, count = int(os.environ.get("KHOBOR_SEED") or time.time()), 5_000
    print(f"KHOBOR_SEED={seed}")
    names = sorted(OUTCOMES.keys() - SLOW - LEADING_ON)

    def chosen(number: str) -> str | None:
        """Return the behaviour of a URL; None is a damaged page."""
        rng = Random(f"{seed}/{number}")
        return rng.choice(names) if rng.random() < 0.7 else None

    async def anything(visit: Visit) -> None:
        if name := chosen(visit.argument):
            await BEHAVIOURS[name](visit)
        else:
            await visit.reply(spoilt(Random(f"{seed}/{visit.argument}/bytes"), visit.page))

    async def listed(visit: Visit) -> None:
        first = int(visit.argument.partition(".")[0])
        await visit.reply(sitemap(*(f"{SITE}/paper_any/{first + more}" for more in range(500))), content_type=XML)

    maps = "".join(f"Sitemap: {SITE}/paper_listed/{10_000 + first}.xml\n" for first in range(0, count, 500))
    fixed("robots_listed", maps.encode(), content_type="text/plain")
    BEHAVIOURS.update(paper_any=anything, paper_listed=listed)
    settings = dict.fromkeys(("CONCURRENT_REQUESTS", "CONCURRENT_REQUESTS_PER_DOMAIN"), "4")
    settings |= {"RETRY_TIMES": "0", "KHOBOR_MAX_HOST_FAILURES": "1000000", "DOWNLOAD_TIMEOUT": "60"}
    with FaultSite(robots="robots_listed", bomb_size=32 * 2**20) as paper:
        ended = paper.crawl(tmp_path / "data", seconds=3500, **settings)
    fetches, stories = ended.fetches(), ended.table("stories").set_index("story_id")
    wrong = {}
    for number in (str(10_000 + each) for each in range(count)):
        name, outcome = chosen(number), fetches.loc[f"/paper_any/{number}", "outcome"]
        if outcome != (OUTCOMES[name] if name else outcome) or outcome in ("unreadable", "pending"):
            wrong[number] = (name, outcome)
        elif name and outcome == "story" and stories.loc[f"kalbela:{number}", "body"] != meant_body(number):
            wrong[number] = (name, "other words")
    assert not wrong
    assert ended.report["urls"]["complete"]
    assert ended.exit_code == 3
    assert ended.megabytes < MAX_MEGABYTES
    assert not paper.elsewhere.hits
    # One by one: the concatenation of two normalised texts need not be normalised.
    texts = [text for column in ("headline", "body") for text in stories[column].dropna()]
    assert [text for text in texts if text != unicodedata.normalize("NFC", text)] == []
    assert not [sign for sign in set("".join(texts)) - {"\n"} if unicodedata.category(sign) in ("Cc", "Cs")]
