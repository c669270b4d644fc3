"""Orders: what a run is asked to do, checked whole before anything is started."""

from collections.abc import Sequence
from difflib import get_close_matches

from crawler.downloader.mirror import answers, read_mirror
from crawler.downloader.politeness import faults
from crawler.registry import newspapers, project_settings
from crawler.spider import Newspaper
from crawler.urls import NoAddress
from schedules.exit_codes import Unreachable, WrongUsage
from schedules.launching.setting import fault_of


def paper_named(name: str) -> type[Newspaper]:
    """The newspaper of that name; raises :class:`WrongUsage` with those that there are, the nearest first."""
    known = newspapers()
    if name in known:
        return known[name]
    nearest = get_close_matches(name, known, n=len(known), cutoff=0.0)
    raise WrongUsage(f"there is no newspaper {name!r}; there are: {', '.join(nearest)}")


def seeds_by_paper(seeds: Sequence[str], papers: Sequence[type[Newspaper]]) -> dict[str, list[str]]:
    """Each newspaper's seeds; raises :class:`WrongUsage` that names every seed which is no address of any of them."""
    given: dict[str, list[str]] = {paper.name: [] for paper in papers}
    wrong = [
        f"the seed {seed!r} is given twice: once is enough" for seed in dict.fromkeys(seeds) if seeds.count(seed) > 1
    ]
    for seed in dict.fromkeys(seeds):
        reasons = []
        for paper in papers:
            found = paper.identities().identify(seed)
            if isinstance(found, NoAddress):
                like = f"a seed looks like https://{paper.hosts[0]}/"
                reasons.append(f"{seed!r} is no seed of {paper.name} ({found.reason}): {like}")
            else:
                given[paper.name].append(seed)
        if len(reasons) == len(papers):
            wrong += reasons
    if wrong:
        raise WrongUsage("; ".join(wrong))
    return given


def checked_settings(
    given: Sequence[str], *, mirror: str | None, max_pages: int | None, max_depth: int | None
) -> dict[str, str]:
    """The settings of a run, from `NAME=VALUE` and options.

    Raises :class:`WrongUsage` for what is no setting or not polite, :class:`Unreachable` for a mirror that is silent.
    """
    settings = dict(_pair(text) for text in given)
    if wrong := [fault for name, value in settings.items() if (fault := fault_of(name, value))]:
        raise WrongUsage("; ".join(wrong))
    if mirror:
        try:
            settings["KHOBOR_MIRROR"] = read_mirror(mirror)
        except ValueError as error:
            raise WrongUsage(str(error)) from error
    if max_pages is not None:
        settings["KHOBOR_MAX_PAGES"] = str(max_pages)
    if max_depth is not None:
        settings["DEPTH_LIMIT"] = str(max_depth)
    composed = project_settings()
    composed.update(settings, priority="cmdline")
    if wrong := faults(composed):
        raise WrongUsage("; ".join(wrong))
    if mirror and not answers(settings["KHOBOR_MIRROR"]):
        raise Unreachable(f"nobody answers at the mirror {settings['KHOBOR_MIRROR']}: start it, or name another")
    return settings


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise WrongUsage(f"-s {text!r} should look like NAME=VALUE")
    return name, value
