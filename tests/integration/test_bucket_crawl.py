"""Crawls with a bucket: what is there afterwards, a new machine restored from it, and a bucket that is gone."""

from pathlib import Path

import pytest

from tests.newspaper import Newspaper
from tests.support.bucket_server import BUCKET, BucketServer
from tests.support.builders import digests
from tests.support.commands import FinishedCrawl


def test_crawls_with_bucket_survive_loss_of_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paper = Newspaper(7, 60)
    with paper.serve() as mirror:
        crawl = FinishedCrawl(paper, mirror, tmp_path / "data")
        with BucketServer() as server:
            for name, value in (server.environment | {"KHOBOR_BUCKET": f"s3://{BUCKET}/khobor"}).items():
                monkeypatch.setenv(name, value)
            report = crawl.crawl("--max-pages", "15")
            assert report["exit_code"] in (0, 3)
            objects = server.objects()
            assert f"khobor/runs/{report['run_id']}.json" in objects
            assert {f"khobor/{path}" for path in digests(crawl.data)} < set(objects)
            assert crawl.run("check", "--remote").returncode == 0

            copy = FinishedCrawl(paper, mirror, tmp_path / "copy")
            assert copy.run("restore", f"s3://{BUCKET}/khobor").returncode == 0
            assert digests(copy.data) == digests(crawl.data)
            assert copy.run("check").returncode == 0
            stories = len(copy.table("stories"))
            assert copy.crawl()["exit_code"] == 0
            assert len(copy.table("stories")) > stories
            assert copy.table("stories")["story_id"].is_unique

        began = crawl.run("runs", "--json").stdout.count("run_id")
        report = crawl.crawl("--max-pages", "5")  # the server has ended
        assert report["exit_code"] in (0, 3)
        assert crawl.run("runs", "--json").stdout.count("run_id") == began + 1
        done = crawl.run("publish")
    assert done.returncode == 7
    assert "bucket" in done.stderr
    assert "dummy" not in done.stderr
    logs = "".join(path.read_text() for path in (crawl.data / "state" / "logs").glob("*.log"))
    assert "dummy-secret" not in logs
