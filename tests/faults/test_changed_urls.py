"""A newspaper that adds a slug to every URL, so that no row of its lists is a story any more."""

from pathlib import Path

import pytest

from tests.support.fault_server import BEHAVIOURS, redirect
from tests.support.fault_site import FaultSite, story

OLD, NEW = range(5000, 5008), range(6000, 6012)

redirect("slug_added", lambda visit: f"{visit.target}/some-slug")
BEHAVIOURS["slug_page"] = lambda visit: visit.reply(
    story(f"/world/{visit.target.split('/')[3]}") if "/some-slug" in visit.target else visit.page
)


@pytest.mark.parametrize("redirects", [True, False])
def test_changed_urls_fail_and_nothing_is_gone(tmp_path: Path, redirects: bool) -> None:
    links = [f"/world/asia/{number}" for number in OLD]
    with FaultSite(["ok"], popular=lambda server: links, otherwise="ok") as paper:
        first = paper.crawl(tmp_path)
        assert first.exit_code in (0, 3)
        links[:] = [f"/world/asia/{number}/some-slug" for number in NEW]
        paper.server.otherwise = "slug_page"
        if redirects:
            paper.server.places |= {f"/world/asia/{number}": "slug_added" for number in (*OLD, *NEW)}
        changed = paper.crawl(tmp_path, "-sKHOBOR_MAX_HOST_FAILURES=1000")
    assert changed.exit_code == 9
    assert any(alarm["kind"] == "list" for alarm in changed.report["alarms"])
    stories = changed.table("stories")
    assert {f"kalbela:{number}" for number in OLD} <= set(stories["story_id"])
    assert stories["gone_by"].isna().all()
    assert changed.report["stories"]["gone"] == 0
