"""Alarms: problems of a run (one crawl of a site), each with a sentence for the operator and a key.

The key is the same in every run that has the problem, so that a lasting problem can be recognised.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from schedules.exit_codes import ExitCode
from schedules.monitoring.drift import Comparison, Drift
from schedules.monitoring.statistics import share
from schedules.reports.report import describe_page

#: Function that returns sample pages: their places in the archive (`file:offset`), or their URLs if not archived.
#: Its arguments are the name of a field or list (`list/latest`) that the pages lack, and an extractor or None. With an
#: extractor, the pages are those on which another extractor found the field.
SamplePages = Callable[[str, str | None], Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Problem of a run (one crawl of a site), such as a field that is no longer found.

    :param key: identifier, which begins with the site and is the same in every run with this problem
    :param code: exit code that the run gets because of this alarm; 0 if the alarm is carried over from an earlier run
    :param more: further keys of the alarm in JSON
    """

    key: str
    kind: str
    code: ExitCode
    sentence: str
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        site = self.key.partition("/")[0]
        return {"key": self.key, "kind": self.kind, "site": site, **self.more, "sentence": self.sentence}


# In the order in which alarms are reported.
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
_RANK = {kind: rank for rank, kind in enumerate(_CODES)}
_MEASURES = {
    "filled": "filled in {now} {stories}",
    "beside stories": "present on {now} story pages",
    "rejected": "{now} story pages rejected",
    "failed": "{now} requests failed this way",
    "new": "new stories in {now} runs",
    "missed": "{now} stories missed, by their numbers,",
    "digits": "contains a digit in {now} {stories}",
    "again": "the same as a few pages before in {now} {stories}",
    "same": "the same text as another field in {now} {stories}",
    "ahead": "in the future in {now} {stories}",
    "too early": "before the publication in {now} {stories}",
    "unreadable": "unreadable in {now} {stories}",
    "shorter": "unusually short in {now} {stories}",
    "longer": "unusually long in {now} {stories}",
    "fewer paragraphs": "unusually few paragraphs in {now} {stories}",
    "more paragraphs": "unusually many paragraphs in {now} {stories}",
}


def drift_alarms(comparison: Comparison, zone: ZoneInfo, sample_pages: SamplePages) -> list[Alarm]:
    """Return an alarm for each drift, that is, for each significant change of a share from earlier runs.

    Alarms about layouts and fields come first, then those about lists, then all others.
    """
    drifts = sorted(_merge_layout(comparison.drifts()), key=lambda drift: (_RANK[_kind(drift)], drift.p_value))
    return [_alarm(comparison, drift, zone, sample_pages) for drift in drifts]


def _kind(drift: Drift) -> str:
    return "blocked" if drift.name.about == "failed/blocked" else drift.name.about.partition("/")[0]


def _merge_layout(drifts: Sequence[Drift]) -> list[Drift]:
    """Replace the significant changes of headline and body by one change of the layout if both have the same count.

    This is because a page that fits no layout has neither a headline nor a body.
    """
    both = [drift for drift in drifts if drift.name.about in ("field/headline", "field/body")]
    if len(both) < 2 or any(drift.name.how != "filled" or drift.now != both[0].now for drift in both):
        return list(drifts)
    layout = replace(both[0], name=both[0].name._replace(about="layout/none"))
    return [layout, *(drift for drift in drifts if drift not in both)]


def _alarm(comparison: Comparison, drift: Drift, zone: ZoneInfo, sample_pages: SamplePages) -> Alarm:
    kind, about, run_id = _kind(drift), drift.name.about, comparison.since(drift)
    since = datetime.strptime(f"{run_id[:15]}+0000", "%Y%m%dT%H%M%S%z")
    more: dict[str, Any] = {kind: about.partition("/")[2]} if kind in ("field", "list") else {}
    sentences = [_sentence(drift, comparison.report)]
    lost = comparison.lost_extractor(about) if kind == "field" else None
    if lost is not None:
        more |= {"layout": lost.layout, "selector": lost.extractor}
        if not drift.is_carried:
            matched = percent(share(lost.now)) if lost.now[0] else "none"
            of = f" of stories (before: {percent(lost.before)})" if lost.now[0] else ""
            sentences.append(f"layout `{lost.layout}`, selector `{lost.extractor}` matched {matched}{of}")
    lacking = "headline" if kind == "layout" else about.removeprefix("field/")
    replaced = lost.extractor if lost and drift.name.how == "by" else None
    samples = list(sample_pages(lacking, replaced)) if kind in ("layout", "field", "list") else []
    more |= {"since": since.isoformat(), "since_run": run_id, "samples": samples}
    more["measure"] = {
        "name": list(drift.name),
        "now": list(drift.now),
        "before": list(drift.before),
        "chance": drift.p_value,
        "runs": drift.runs,
        "runs_before": drift.runs_before,
    }
    more |= {"carried": True} if drift.is_carried else {}
    sentences[-1] += f"{'' if len(sentences) > 1 else ';'} since {since.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"
    sentences += [f"see {describe_page(page)}" for page in samples[:1]]
    code = ExitCode.DONE if drift.is_carried else _CODES[kind]
    return Alarm(key=comparison.key(about), kind=kind, code=code, sentence="; ".join(sentences), more=more)


def _sentence(drift: Drift, report: Mapping[str, Any]) -> str:
    about = drift.name.about
    subject = "no layout fits" if about == "layout/none" else about.partition("/")[2] or about
    k, n = drift.now
    if drift.current is not None:
        pages = f"{drift.current[1]:,} relevant pages" if drift.current[1] else "no relevant page"
        return f"{subject}: still an alarm of an earlier run ({k:,} of {n:,}); this run read {pages}"
    before = {0: "expected", 1: "run before"}.get(drift.runs_before, f"last {drift.runs_before} runs")
    if about == "layout/none":
        return f"layout: none fits {n - k:,} of {n:,} story pages ({before}: {percent(1 - share(drift.before))})"
    if drift.name.how == "by":
        field = report["fields"][subject]
        return f"{subject}: filled in {field['filled']:,} of {field['of']:,} stories, but by other extractors"
    stories = "stories" if drift.runs == 1 else f"stories of {drift.runs} runs"
    text = _MEASURES[drift.name.how].format(now=f"{k:,} of {n:,}", stories=stories)
    return f"{subject}: {text} ({before}: {percent(share(drift.before))})"


def percent(value: float) -> str:
    """Format a share between 0 and 1 as a percentage, such as `97 %`, `0.3 %` or `99.6 %`."""
    value *= 100
    near_an_end = 0 < value < 1 or 99 < value < 100
    return f"{value:.1f} %" if near_an_end else f"{value:.0f} %"
