"""The views of the page: what each is called, where it stands, and what tells its numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from schedules.dashboard.query_params import Question
from schedules.dashboard.views.coverage import coverage
from schedules.dashboard.views.fields import fields
from schedules.dashboard.views.lists import lists
from schedules.dashboard.views.overview import overview
from schedules.dashboard.views.rejects import rejects
from schedules.dashboard.views.runs import runs
from schedules.dashboard.views.stories import stories


@dataclass(frozen=True, slots=True)
class View:
    """One view; its numbers are plain data, which its template and its JSON tell alike.

    ``seconds`` is how old what depends on the clock alone may be.
    """

    name: str
    path: str
    title: str
    lead: str
    numbers: Callable[[Question], dict[str, Any]]
    ranged: bool = True
    seconds: int = 300
    live: bool = False


VIEWS: Mapping[str, View] = {
    view.name: view
    for view in (
        View("overview", "/", "Latest run", "", overview, ranged=False, seconds=30, live=True),
        View("runs", "/runs", "Runs", "Every run, the days they make up, and what each day brought.", runs),
        View("stories", "/stories", "Stories", "How many stories each day and section has, by publication.", stories),
        View(
            *("fields", "/fields", "Fields"),
            "On how many of the stories that were read each field was filled. A drop is a layout that changed.",
            fields,
        ),
        View(
            *("lists", "/lists", "Lists"),
            "The ranked lists as they were last seen, how each headline moved, and its last 24 hours.",
            lists,
            ranged=False,
            seconds=60,
        ),
        View(
            *("coverage", "/coverage", "Coverage"),
            "The publisher counts its stories. Which numbers were found, and which did no door ever name?",
            coverage,
        ),
        View("rejects", "/rejects", "Rejected", "Dropped records and pages without a story, by reason.", rejects),
    )
}
