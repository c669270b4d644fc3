"""Trial of one URL: read a page with the site file of its host, or generically if there is none."""

from urllib.parse import urlsplit

from crawler.clock import now
from crawler.downloader.allowed_hosts import url_error
from crawler.outcomes import Outcome
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl
from schedules.exit_codes import ExitCode, WrongUsage
from schedules.trial.field_problems import field_problems
from schedules.trial.page_problems import page_problems
from schedules.trial.problems import Problem, worst_first
from schedules.trial.visits import FRONT_PAGE, STORY, Target, Visits


def host_of(url: str) -> str:
    """Return the host of a URL; raise :class:`WrongUsage` if the URL cannot be requested."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    if error := url_error(url, (host,)):
        raise WrongUsage(f"{url!r} cannot be tried: {error.reason}; write a URL such as https://www.kalbela.com/")
    return host


def target_of(url: str, site: type[NewspaperSpider] | None) -> Target:
    """Return the page at a URL: a story, an entry point of the site, or any other page."""
    if site is None:
        return Target(name=STORY, url=url)
    rules = site.make_url_rules()
    target = rules.identify(url)
    if isinstance(target, SiteUrl) and target.story_id:
        return Target(name=STORY, url=url)
    for entry_point in site.entry_points:
        for link, position in entry_point.first_pages(now().astimezone(site.zone).date()):
            if rules.identify(link, f"https://{site.hosts[0]}/").key == target.key:
                return Target(name=entry_point.name, url=url, entry_point=entry_point, position=position)
    return Target(name=FRONT_PAGE if urlsplit(url).path == (site.front_page or "/") else "page", url=url)


def problems_of_url(site: type[NewspaperSpider] | None, visits: Visits) -> list[Problem]:
    """Return the problems of the visited page, the worst first."""
    if site is not None:
        return worst_first(problem for check in (page_problems, field_problems) for problem in check(site, visits))
    visit = visits.pages[0]
    if visit.outcome is Outcome.STORY:
        return []
    code = ExitCode.UNREACHABLE if visit.outcome.is_failed else ExitCode.LAYOUT_CHANGED
    sentence = f"no story was read: {visit.reason or visit.outcome.meaning}"
    if visit.outcome is Outcome.OFFSITE:
        sentence += "; try the URL on that host"
    return [Problem(code=code, sentence=sentence, page=visit.url)]
