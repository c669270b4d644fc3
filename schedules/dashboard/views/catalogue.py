"""List of the views of the dashboard, each with its name, URL path, title and the function that reads its data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from schedules.dashboard.query_params import Query
from schedules.dashboard.views.all_sites import alarm_history, all_sites, disk_use, run_history
from schedules.dashboard.views.coverage import coverage
from schedules.dashboard.views.fields import fields
from schedules.dashboard.views.lists import lists
from schedules.dashboard.views.overview import overview
from schedules.dashboard.views.rejects import rejects
from schedules.dashboard.views.runs import runs
from schedules.dashboard.views.stories import stories


@dataclass(frozen=True, slots=True)
class View:
    """View of the dashboard, which is available as an HTML page and as JSON.

    :param data: function that returns the data of the view as JSON types
    :param ranged: true if the user can choose the number of days
    :param indexed: true if the view reads the index of all runs: periods may be longer, lists have pages, and the view
        is not in the static report
    """

    name: str
    path: str
    title: str
    lead: str
    data: Callable[[Query], dict[str, Any]]
    ranged: bool = True
    indexed: bool = False


VIEWS: Mapping[str, View] = {
    view.name: view
    for view in (
        View("overview", "/", "Latest run", "", overview, ranged=False),
        View("sites", "/sites", "All sites", "", all_sites, ranged=False, indexed=True),
        View(
            *("alarms", "/alarms", "Alarms", "Every alarm, from the first run that had it to the last."),
            alarm_history,
            indexed=True,
        ),
        View("history", "/history", "History", "Every run, page by page.", run_history, indexed=True),
        View("disk", "/disk", "Disk", "Tables, archives and ledgers, as each run left them.", disk_use, indexed=True),
        View("runs", "/runs", "Runs", "Every run, and the totals of each day.", runs),
        View("stories", "/stories", "Stories", "Stories per day and section, by time of publication.", stories),
        View(
            *("fields", "/fields", "Fields"),
            "Share of the parsed stories that have each field. A sudden drop means that the layout changed.",
            fields,
        ),
        View(
            *("lists", "/lists", "Lists"),
            "The ranked lists when last seen, with the movement of each headline over 24 hours.",
            lists,
            ranged=False,
        ),
        View(
            *("coverage", "/coverage", "Coverage"),
            "The publisher numbers its stories: which numbers are stored, and which did no entry point link to?",
            coverage,
        ),
        View("rejects", "/rejects", "Rejected", "Dropped items and URLs without a story, by reason.", rejects),
    )
}
