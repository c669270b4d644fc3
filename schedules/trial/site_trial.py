"""Trial of a site: visit its front page, entry points and some stories."""

from crawler.clock import now
from crawler.outcomes import Outcome
from crawler.spider import NewspaperSpider
from schedules.trial.field_problems import field_problems
from schedules.trial.list_problems import list_problems
from schedules.trial.page_plan import STORIES, entry_point_targets, front_page, story_targets
from schedules.trial.page_problems import page_problems
from schedules.trial.problems import Problem, worst_first
from schedules.trial.visits import Visits

#: Story pages tried if some of them cannot be read.
_MAX_STORY_VISITS = 2 * STORIES


async def try_site(site: type[NewspaperSpider], visits: Visits) -> None:
    """Visit the pages of a site, and stop early if the front page is blocked or cannot be reached."""
    front = await visits.visit(front_page(site))
    robots = visits.robots.get(f"https://{site.hosts[0]}")
    if robots is None or robots.error or front.outcome in (Outcome.BLOCKED, Outcome.UNREACHABLE, Outcome.PENDING):
        return
    feeds = front.parsed.feed_urls if front.parsed else ()
    today = now().astimezone(site.zone).date()
    for target in entry_point_targets(site, today, feeds, robots.sitemaps):
        if visits.left <= STORIES:
            visits.omitted.append(target.name)
        elif (await visits.visit(target)).outcome is Outcome.PENDING:
            return
    read = 0
    for target in story_targets(site, visits.pages)[:_MAX_STORY_VISITS]:
        if read == STORIES or not visits.left:
            break
        visit = await visits.visit(target)
        if visit.outcome is Outcome.PENDING:
            return
        read += visit.story is not None


def problems_of(site: type[NewspaperSpider], visits: Visits) -> list[Problem]:
    """Return the problems of a site, the worst first; those with the exit code 0 are only hints."""
    checks = (page_problems, list_problems, field_problems)
    return worst_first(problem for check in checks for problem in check(site, visits))
