"""Alarms: what is wrong with a run, each under a key that stays from run to run, in a sentence for a person."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from schedules.exit_codes import ExitCode
from schedules.monitoring.drift import Comparison, Drift
from schedules.monitoring.field_shares import Quiet
from schedules.monitoring.statistics import Count

#: Keeps pages that lack a field or a list (`list/latest`), or those that have the field from elsewhere than the source
#: named beside it; gives their paths below the data folder.
Keep = Callable[[str, str | None], Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One thing that is wrong: ``key`` names it, ``kind`` its kind, ``more`` what else a program may want to know.

    ``code`` is the exit code that it asks for; 0 where it is only carried on from an earlier run.
    """

    key: str
    kind: str
    code: ExitCode
    sentence: str
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a report."""
        site = self.key.partition("/")[0]
        return {"key": self.key, "kind": self.kind, "site": site, **self.more, "sentence": self.sentence}


def alarms_of(comparison: Comparison, zone: ZoneInfo, keep: Keep) -> list[Alarm]:
    """The alarms about what drifted, fields before lists before the rest."""
    drifts = sorted(_merged(comparison.drifts()), key=lambda drift: (_RANK[_kind(drift)], drift.chance))
    return [_alarm(comparison, drift, zone, keep) for drift in drifts]


_CODES = {
    "layout": ExitCode.LAYOUT_CHANGED,
    "field": ExitCode.LAYOUT_CHANGED,
    "list": ExitCode.BELOW_EXPECTATION,
    "rejected": ExitCode.BELOW_EXPECTATION,
    "failed": ExitCode.BELOW_EXPECTATION,
    "blocked": ExitCode.UNREACHABLE,
    "found": ExitCode.BELOW_EXPECTATION,
    "coverage": ExitCode.BELOW_EXPECTATION,
}
_RANK = {kind: place for place, kind in enumerate(_CODES)}


def _kind(drift: Drift) -> str:
    return "blocked" if drift.name.about == "failed/blocked" else drift.name.about.partition("/")[0]


def _merged(drifts: Sequence[Drift]) -> list[Drift]:
    """Pages that no layout fits lack headline and text: that is one thing and not two."""
    both = [drift for drift in drifts if drift.name.about in ("field/headline", "field/body")]
    if len(both) < 2 or any(drift.name.how != "filled" or drift.now != both[0].now for drift in both):
        return list(drifts)
    whole = Drift(**{**vars(both[0]), "name": both[0].name._replace(about="layout/none")})
    return [whole, *(drift for drift in drifts if drift not in both)]


def _alarm(comparison: Comparison, drift: Drift, zone: ZoneInfo, keep: Keep) -> Alarm:
    kind, about = _kind(drift), drift.name.about
    run = comparison.since(drift)
    more: dict[str, Any] = {kind: about.partition("/")[2]} if kind in ("field", "list") else {}
    quiet = comparison.quiet_source(about) if kind == "field" else None
    if quiet is not None:
        more |= {"layout": quiet.layout, "selector": quiet.source}
    more |= {"since": moment_of(run).isoformat(), "since_run": run, "samples": list(_samples(drift, quiet, keep))}
    more["measure"] = {
        "name": list(drift.name),
        "now": list(drift.now),
        "before": list(drift.before),
        "chance": drift.chance,
        "runs": drift.runs,
        "runs_before": drift.runs_before,
    }
    if drift.stays:
        more["carried"] = True
    said = [_said(drift, comparison.report)]
    if quiet is not None and not drift.stays:
        said.append(_said_of(quiet))
    said[-1] += f"{'' if len(said) > 1 else ';'} since {moment_of(run).astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"
    if more["samples"]:
        said.append(f"look at data/{more['samples'][0]}")
    code = ExitCode.DONE if drift.stays else _CODES[kind]
    return Alarm(key=comparison.key(about), kind=kind, code=code, sentence="; ".join(said), more=more)


def _samples(drift: Drift, quiet: Quiet | None, keep: Keep) -> Sequence[str]:
    kind, about = _kind(drift), drift.name.about
    if kind == "layout":
        return keep("headline", None)
    instead = quiet.source if quiet and drift.name.how == "by" else None
    return keep(about.removeprefix("field/"), instead) if kind in ("field", "list") else ()


def moment_of(run_id: str) -> datetime:
    """When a run began, which its name says."""
    return datetime.strptime(f"{run_id[:15]}+0000", "%Y%m%dT%H%M%S%z")


# In words -------------------------------------------------------------------------------------------------------------

_HOW = {
    "filled": "filled in {now} {what}",
    "beside stories": "shown on {now} pages of stories",
    "rejected": "{now} story pages rejected",
    "failed": "{now} requests ended so",
    "new": "something new in {now} runs",
    "missed": "{now} stories missed, by their numbers,",
    "digits": "holds a number in {now} {what}",
    "again": "the same as a few pages before in {now} {what}",
    "same": "the same words as another field in {now} {what}",
    "ahead": "in the future in {now} {what}",
    "too early": "before the publication in {now} {what}",
    "unreadable": "cannot be read in {now} {what}",
    "shorter": "shorter than nearly always in {now} {what}",
    "longer": "longer than nearly always in {now} {what}",
    "fewer paragraphs": "of fewer paragraphs than nearly always in {now} {what}",
    "more paragraphs": "of more paragraphs than nearly always in {now} {what}",
}


def _said(drift: Drift, report: Mapping[str, Any]) -> str:
    about = drift.name.about
    subject = "no layout fits" if about == "layout/none" else about.partition("/")[2] or about
    k, n = drift.now
    if drift.here is not None:
        read = f"{drift.here[1]:,} pages" if drift.here[1] else "nothing"
        return f"{subject}: still an alarm of an earlier run ({k:,} of {n:,}); this one read {read} that would tell"
    if about == "layout/none":
        k = n - k
        before = 1 - _share(drift.before)
        return f"layout: none fits {k:,} of {n:,} pages of stories ({_of_before(drift)}: {percent(before)})"
    if drift.name.how == "by":
        field = report["fields"][subject]
        return f"{subject}: filled in {field['filled']:,} of {field['of']:,} stories, but not from where it was"
    what = "stories" if drift.runs == 1 else f"stories of {drift.runs} runs"
    said = _HOW[drift.name.how].format(now=f"{k:,} of {n:,}", what=what)
    return f"{subject}: {said} ({_of_before(drift)}: {percent(_share(drift.before))})"


def _of_before(drift: Drift) -> str:
    if drift.runs_before == 0:
        return "as a rule"
    return "the run before" if drift.runs_before == 1 else f"last {drift.runs_before} runs"


def _said_of(quiet: Quiet) -> str:
    k, n = quiet.now
    gave = "gave nothing" if k == 0 else f"gave it in {percent(k / n)} of stories, before in {percent(quiet.before)},"
    return f"layout `{quiet.layout}`, selector `{quiet.source}` {gave}"


def _share(count: Count) -> float:
    return count[0] / count[1] if count[1] else 0.0


def percent(share: float) -> str:
    """A share as a person says it: `97 %`, `0.3 %`, `99.6 %`."""
    hundredths = 100 * share
    near_an_end = 0 < hundredths < 1 or 99 < hundredths < 100
    return f"{hundredths:.1f} %" if near_an_end else f"{hundredths:.0f} %"
