"""A page that crashes the parser costs that page, not the run."""

from pathlib import Path

from tests.support.fault_site import SEED, FaultSite, crawl
from tests.support.faulty_steps import SPOILT, with_step


def test_crashed_parser_costs_one_page(tmp_path: Path) -> None:
    with FaultSite(["s404", "gzip", "soft404"]) as paper:
        ended = crawl(paper.server.base, tmp_path, "-s", with_step("crash_on_one_story"))
        again = crawl(paper.server.base, tmp_path)
    assert ended.exit_code in (0, 3)
    assert ended.report["urls"]["complete"]
    crashed = ended.fetches().loc["/ok/5002"]
    assert (crashed["story_id"], crashed["outcome"], crashed["attempts"]) == (SPOILT, "unreadable", 1)
    assert "SIGSEGV" in crashed["reason"]
    assert {"/ok/5001", SEED} <= {*ended.fetches().query("outcome == 'story'").index}
    assert again.fetches().loc["/ok/5002", "outcome"] == "story"
