"""Recorded intervals of ranks and revisions against the minutes at which the newsroom changed its pages."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from pipelines.analysis.open_table import open_table

from ..newspaper.site_state import SiteState
from .evaluation import Evaluation, _identity, number_of

MINUTE = timedelta(minutes=1)
_LISTS = ("latest", "popular")


@dataclass
class Containment:
    """How many intervals contain the true moments, and which do not."""

    right: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, is_right: bool, what: str) -> None:
        self.right += is_right
        if not is_right:
            self.wrong.append(what)

    @property
    def share(self) -> float:
        return self.right / max(1, self.right + len(self.wrong))


def true_stays(evaluation: Evaluation) -> dict[tuple[str, str], list[list[datetime]]]:
    """Return by list and story the first minute with it and the first without it, for each of its stays."""
    stays: dict[tuple[str, str], list[list[datetime]]] = defaultdict(list)
    moment = _minute(evaluation.simulation.runs[0].began)
    while moment <= evaluation.end + MINUTE:
        state = SiteState(evaluation.room._edition, moment)
        for name in _LISTS:
            for story_id in {_identity(row.href) for row in state.rows(name)} - {None}:
                own = stays[name, str(story_id)]
                if own and own[-1][1] == moment:
                    own[-1][1] = moment + MINUTE
                else:
                    own.append([moment, moment + MINUTE])
        moment += MINUTE
    return stays


def ranks(evaluation: Evaluation) -> Containment:
    """Compare `rank_intervals` with the minutes at which stories entered and left the lists."""
    found, stays = Containment(), true_stays(evaluation)
    for row in open_table("rank_intervals", data=evaluation.simulation.data).to_arrow().to_pylist():
        own = stays[row["list"], row["story_id"]]
        entered = next((a for a, b in own if a <= row["entered_by"] < b + MINUTE), None)
        left = next((b for a, b in reversed(own) if a <= row["left_after"] < b + MINUTE), None)
        is_right = entered is not None and left is not None
        if entered is not None and row["entered_after"] is not None:
            is_right = is_right and row["entered_after"] < entered <= row["entered_by"]
        if left is not None:
            is_right = is_right and row["left_after"] < left and (row["left_by"] is None or left <= row["left_by"])
        if entered is not None and left is not None and row["possible_minutes"] is not None:
            minutes = (left - entered) / MINUTE
            is_right = is_right and row["certain_minutes"] <= minutes <= row["possible_minutes"]
        found.add(is_right, f"{row['list']} {row['story_id']} {row['entered_by']} {own}")
    return found


def revisions(evaluation: Evaluation) -> Containment:
    """Compare `appeared_after` and `appeared_by` with the minute from which pages showed each revision."""
    found = Containment()
    tables = (evaluation.table(name) for name in ("stories", "revisions"))
    rows = pd.concat([table for table in tables if len(table)])
    for row in rows[rows["appeared_after"].notna()].itertuples():
        shown = [*_shown(evaluation, number_of(row.story_id), row.headline, row.body, row.updated_at)]
        is_right = any(row.appeared_after < moment <= row.appeared_by for moment in shown)
        found.add(is_right, f"{row.story_id} {row.revision} {row.appeared_after} {row.appeared_by} {shown}")
    return found


def _shown(
    evaluation: Evaluation, number: int, headline: str, body: str, updated_at: pd.Timestamp
) -> Iterator[datetime]:
    """Yield the whole minutes from which pages showed the states of a story with this text."""
    story = evaluation.room.story(number)
    for state in story.states if story is not None else ():
        is_dated = pd.isna(updated_at) or state.updated is None or _minute(state.updated) == updated_at
        if state.headline == headline and state.body == body and is_dated:
            yield _minute(state.since + MINUTE - timedelta(microseconds=1))


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
