"""Options of a run in its report: what repeats the run, and no secret."""

from scrapy.utils.test import get_crawler

from crawler.spiders.kalbela import Kalbela
from pipelines.runtime.run_summary import run_options

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "abc",
    "FTP_PASSWORD": "abc",
    "PROXY": "http://reader:abc@proxy.example:8080",
    "API_TOKEN": "abc",
}


def test_options_have_limits_and_no_secrets() -> None:
    crawler = get_crawler(Kalbela)
    given = {"KHOBOR_MAX_PAGES": 60, "DOWNLOAD_DELAY": 2.0, "USER_AGENT": "reader (+https://example.org)"}
    crawler.settings.frozen = False
    crawler.settings.setdict({**SECRETS, **given, "KHOBOR_DATA": "/srv/khobor"}, priority="cmdline")
    crawler.spider = Kalbela(seed="https://www.kalbela.com/world/1")
    assert run_options(crawler) == {"seeds": ["https://www.kalbela.com/world/1"], "settings": given}
